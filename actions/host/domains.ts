import type { DomainPower } from '../../crds/states.ts'
import type { Guest, MethodKinds, Progress, StepContext } from './guest.ts'

export interface ObservedDomain {
  power: DomainPower
  /** libvirt's reason of the state, by name: booted, shutdown, destroyed, saving, … */
  reason?: string
  /** Boot ID of the running domain: see {@link Domains.runningBootId}. */
  bootId?: string
}

/** The result of an NMI. notRunning: the domain is off, asleep or missing. */
export type NmiResult = 'sent' | 'unknown' | 'notRunning'

/**
 * The Server's libvirt domain. A domain of the same UUID that belongs to another Server, or to none, is foreign:
 * `observe`, `runningBootId`, `destroy` and `undefine` treat it as absent; every other method throws UUIDInUse
 * (Transient if a Server owns it, Terminal if none does).
 *
 * Every method throws Transient LibvirtUnreachable while libvirtd does not answer, and Transient LibvirtBusy while
 * libvirtd does something else with the domain.
 */
export interface Domains {
  /**
   * Defines the domain from the Server as it is now; in mode rescued it boots the rescue disk, and its own disks
   * follow. A domain that runs keeps its definition until its next boot.
   * @param bootId stored in the domain's metadata; `runningBootId` answers it once a boot from this definition runs
   * @throws Terminal InvalidDomain or UnsupportedHardware if libvirt refuses the definition; Transient DiskMissing
   * without disks
   */
  define(guest: Guest, bootId: string, ctx: StepContext): Promise<void>
  /**
   * Starts the domain, or restores it if it has a managed save; does nothing if it is running, paused or asleep. A
   * restore of much memory lasts. libvirtd goes on with it when the agent dies; until it has ended, `observe` of the
   * next agent throws LibvirtBusy.
   * @throws Transient LibvirtError if there is no domain
   */
  start(guest: Guest, ctx: StepContext): Promise<Progress>
  /**
   * Asks the guest to power off, by ACPI and by the guest agent, and deletes a managed save. Waits for neither the
   * guest nor libvirtd's answer; `observe` shows when the domain is off. A guest may not hear it, for example while it
   * boots: call it again at every check. It asks at most once in ten seconds, and not while libvirtd still works on the
   * last request. Does nothing without a domain.
   */
  requestShutdown(guest: Guest, ctx: StepContext): Promise<void>
  /**
   * Takes the power away, also while the domain starts, and deletes a managed save. Does nothing to a domain that is
   * off or does not exist.
   */
  destroy(guest: Guest, ctx: StepContext): Promise<void>
  /**
   * Stops the virtual CPUs; memory stays.
   * @throws Transient LibvirtError if the domain is off or does not exist
   */
  pause(guest: Guest, ctx: StepContext): Promise<void>
  /** Lets the virtual CPUs of a paused domain run again. Does nothing in any other state. */
  unpause(guest: Guest, ctx: StepContext): Promise<void>
  /**
   * Saves the domain's memory to a file (a managed save) and turns it off. Restored, it runs, also if it was paused.
   * @throws Transient LibvirtError if the domain does not exist, or is off without a managed save
   */
  save(guest: Guest, ctx: StepContext): Promise<Progress>
  /**
   * Sends a non-maskable interrupt to the guest, at most once for each `requestId`: to one that writes a crash dump
   * already, a second could spoil it. libvirt keeps with the running domain which request is being sent, and has been.
   * So a repeated call after a crash answers `sent` without sending it again; where the crash came between the two
   * notes it answers `unknown`, because it may have been sent.
   */
  injectNmi(guest: Guest, requestId: string, ctx: StepContext): Promise<NmiResult>
  /** Removes the domain and what libvirt keeps of it: NVRAM, managed save, metadata of snapshots and checkpoints. */
  undefine(guest: Guest, ctx: StepContext): Promise<void>
  /**
   * Answers the state of the domain. @throws Transient LibvirtBusy while libvirtd is starting the domain, if that lasts
   * longer than a second
   */
  observe(guest: Guest): Promise<ObservedDomain>
  /**
   * Answers the boot ID of the running domain; undefined if it does not run. libvirt keeps it in the domain's metadata,
   * so that after a crash an action that boots knows whether it has already done so.
   */
  runningBootId(guest: Guest): Promise<string | undefined>
}

export const domainsMethods: MethodKinds<Domains> = {
  define: 'effect',
  start: 'effect',
  requestShutdown: 'effect',
  destroy: 'effect',
  pause: 'effect',
  unpause: 'effect',
  save: 'effect',
  injectNmi: 'effect',
  undefine: 'effect',
  observe: 'read',
  runningBootId: 'read',
}
