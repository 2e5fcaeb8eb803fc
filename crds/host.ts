/** The port Host: what an action may ask of the host that a server is on. The agent implements it on libvirt, tests in memory. */
import type { Server } from './kinds/server.ts'
import type { Instance } from './kinds/server-status.ts'

/** A placed server: the object as it was read, and the instance in its status, which is there once it is placed. */
export interface Guest {
  readonly server: Server
  readonly instance: Instance
}

/** How a step reports what takes long: shown in the server's condition, throttled by who shows it. */
export type Progress = (message: string) => void

export interface StepContext {
  readonly signal: AbortSignal
  readonly progress: Progress
}

/**
 * Every method may be repeated at any time, also after a crash in the middle of it, and then does what is left to do.
 * Errors are those of errors.ts: Transient is retried, Terminal ends in a fault.
 */
export interface Host {
  /** The image is in the host's cache, verified and converted; one download however many servers wait. */
  fetchImage(guest: Guest, ctx: StepContext): Promise<void>
  /** Root, ephemeral and swap disks are there; those that exist are left as they are. */
  createDisks(guest: Guest, ctx: StepContext): Promise<void>
  /** The config drive is there and says what the server says now. */
  writeConfigDrive(guest: Guest, ctx: StepContext): Promise<void>
  /** Bridges, DHCP and filters for its interfaces are there. */
  plugPorts(guest: Guest, ctx: StepContext): Promise<void>
  /** The domain is defined as the server says now. `boot` marks the boot that follows: see bootedBy. */
  define(guest: Guest, boot: string, ctx: StepContext): Promise<void>
  /** The domain runs: started, or restored where a managed save exists. */
  start(guest: Guest, ctx: StepContext): Promise<void>
  /** Asks the guest to power off and waits. 'off': it did (or was off; memory saved before is dropped); 'timeout': it did not in time. */
  shutdown(guest: Guest, timeoutSeconds: number, ctx: StepContext): Promise<'off' | 'timeout'>
  /** The domain is off, whatever the guest thinks of it; memory saved before is dropped. */
  destroy(guest: Guest, ctx: StepContext): Promise<void>
  /** The virtual CPUs stand still; memory stays. */
  pause(guest: Guest, ctx: StepContext): Promise<void>
  unpause(guest: Guest, ctx: StepContext): Promise<void>
  /** Memory is saved to disk and the domain is off. */
  save(guest: Guest, ctx: StepContext): Promise<void>
  /** The domain and everything that libvirt keeps of it (NVRAM, managed save, snapshots, checkpoints) is gone. */
  undefine(guest: Guest, ctx: StepContext): Promise<void>
  /** What plugPorts made for it is gone, as far as no other server uses it. */
  unplugPorts(guest: Guest, ctx: StepContext): Promise<void>
  /** Its disks, config drive and console log are gone. */
  deleteDisks(guest: Guest, ctx: StepContext): Promise<void>
  /**
   * The mark of the boot that the running domain came from; undefined when it is off. Kept in the domain's own metadata, so that
   * after a crash a deed that boots knows whether it has done so already.
   */
  bootedBy(guest: Guest): Promise<string | undefined>
}
