import type { Ports } from '../../actions/host/index.ts'
import type { HostNetwork } from '../net/host-network.ts'
import { toHostedGuest } from './domain-input.ts'
import { uidOf } from './paths.ts'

export const newPorts = (network: Pick<HostNetwork, 'plug' | 'unplug'>): Ports => ({
  async plug(guest, ctx) {
    await network.plug(toHostedGuest(guest), ctx)
  },
  async unplug(guest, ctx) {
    await network.unplug(uidOf(guest), ctx)
  },
})
