import type { DomainPower } from '../../crds/states.ts'
import type { Guest, MethodKinds, Progress, StepContext } from './guest.ts'

export interface ObservedDomain {
  power: DomainPower
  /** libvirt's reason for the domain's state: booted, shutdown, destroyed, saving, … */
  reason?: string
  /** Absent if the domain does not run. */
  bootId?: string
  /** The domain's name, if somebody has renamed the domain. */
  name?: string
}

/**
 * 'unknown': it is not known whether the NMI was sent. 'notRunning': the domain is off, suspended to RAM by its guest
 * (ACPI S3), or missing.
 */
export type NmiResult = 'sent' | 'unknown' | 'notRunning'

/**
 * Operations on a Server's libvirt domain. A domain with the Server's UUID that belongs to another Server, or to none,
 * is foreign: `observe`, `runningBootId`, `destroy` and `undefine` treat it as absent.
 *
 * Every other method throws UUIDInUse for a foreign domain: a Transient error (retried) if a Server owns it, a Terminal
 * error (a fault) if none does. Every method throws the Transient error LibvirtUnreachable while libvirtd does not
 * answer, and LibvirtBusy while libvirtd is doing something else with the domain.
 */
export interface Domains {
  /**
   * Defines the domain from the current Server. Keeps what libvirt's tools may have changed: the domain's name, the
   * files of its disks, and attached disks. In mode rescued the domain boots the rescue disk, before the server's own
   * disks.
   * @param bootId stored in the domain's metadata; `runningBootId` returns it once the domain has booted with this
   * definition
   * @throws Terminal error InvalidDomain or UnsupportedHardware if libvirt rejects the definition
   * @throws Transient error DiskMissing if a disk does not exist; DiskUnusable if the present definition names a disk
   * that cannot be booted; DiskLayersConflict if the guest last used a newer layer of a disk than the present
   * definition names
   */
  define(guest: Guest, bootId: string, ctx: StepContext): Promise<void>
  checkDefinition(guest: Guest): Promise<void>
  /**
   * Starts the domain, or restores it from its managed save if it has one. Does nothing if the domain is running,
   * paused or suspended to RAM by its guest. If the agent dies during a restore, `observe` throws LibvirtBusy until
   * libvirtd has finished it.
   * @throws Transient error LibvirtError if there is no domain
   */
  start(guest: Guest, ctx: StepContext): Promise<Progress>
  /**
   * Asks the guest to power off, by ACPI and by the guest agent, and deletes a managed save. The guest may miss the
   * request, for example while it boots, so call the method repeatedly until `observe` shows that the domain is off. It
   * asks at most once in ten seconds. Does nothing if there is no domain.
   */
  requestShutdown(guest: Guest, ctx: StepContext): Promise<void>
  /**
   * Powers the domain off at once, also while it starts, and deletes a managed save. Does nothing if the domain is off
   * or does not exist.
   */
  destroy(guest: Guest, ctx: StepContext): Promise<void>
  /**
   * Stops the virtual CPUs and keeps the memory.
   * @throws Transient error LibvirtError if the domain is off or does not exist
   */
  pause(guest: Guest, ctx: StepContext): Promise<void>
  /**
   * Resumes a paused domain, and tells a guest that has suspended itself to RAM to wake up. Does nothing in any other
   * state. Does not wait until the guest is awake; `observe` shows when it is.
   */
  unpause(guest: Guest, ctx: StepContext): Promise<void>
  /**
   * Saves the domain's memory to a file (a managed save) and turns the domain off. A restored domain runs, even if it
   * was paused when it was saved.
   * @throws Transient error LibvirtError if the domain does not exist, or is off without a managed save
   */
  save(guest: Guest, ctx: StepContext): Promise<Progress>
  /**
   * Sends an NMI, at most once for each `requestId`, because a second NMI could spoil a crash dump that the guest is
   * writing. The agent writes one note into the domain's metadata before it sends the NMI, and one afterwards. If the
   * agent crashes in between, a repeated call finds only the first note and returns 'unknown'.
   */
  injectNmi(guest: Guest, requestId: string, ctx: StepContext): Promise<NmiResult>
  undefine(guest: Guest, ctx: StepContext): Promise<void>
  /**
   * Returns the state of the domain.
   * @throws Transient error LibvirtBusy if the domain is starting up and is not started within a second
   */
  observe(guest: Guest): Promise<ObservedDomain>
  /**
   * Returns undefined if the domain does not run. With the boot ID, an agent that restarts amid an action can tell
   * whether the action has already booted the guest.
   */
  runningBootId(guest: Guest): Promise<string | undefined>
}

export const domainsMethods: MethodKinds<Domains> = {
  define: 'effect',
  checkDefinition: 'read',
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
