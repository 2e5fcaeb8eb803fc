import type { Guest, MethodKinds, StepContext } from './guest.ts'

export interface Ports {
  /**
   * Creates what the interfaces in `guest.instance` need on the host, before the guest starts.
   * @throws Transient error (retried) if a bridge or a network is not usable yet
   */
  plug(guest: Guest, ctx: StepContext): Promise<void>
  /** Removes what `plug` created, except what other Servers on this host use. The guest must be off. */
  unplug(guest: Guest, ctx: StepContext): Promise<void>
}

export const portsMethods: MethodKinds<Ports> = { plug: 'effect', unplug: 'effect' }
