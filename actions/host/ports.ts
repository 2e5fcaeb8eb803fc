import type { Guest, MethodKinds, StepContext } from './guest.ts'

/** The host's side of a Server's interfaces: bridges, DHCP entries, packet filters. */
export interface Ports {
  /**
   * Makes what the interfaces in `guest.instance` need, before the guest starts.
   * @throws Transient if a bridge or a network is not usable yet
   */
  plug(guest: Guest, ctx: StepContext): Promise<void>
  /** Removes what `plug` made, except what other Servers on this host use too. The guest must be off. */
  unplug(guest: Guest, ctx: StepContext): Promise<void>
}

export const portsMethods: MethodKinds<Ports> = { plug: 'effect', unplug: 'effect' }
