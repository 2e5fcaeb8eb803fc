import type { GuestAgent } from '../../../actions/host/index.ts'
import type { MachineOf } from './machine.ts'

/** Keeps the password as it was sealed: the fake host has no key. */
export const fakeGuestAgent = (machineOf: MachineOf): GuestAgent => ({
  async setPassword({ server }, { user, sealed }) {
    const { domain, hasGuestAgent, passwords } = machineOf(server.metadata.uid)
    if (domain?.state !== 'running') return { reason: 'GuestNotRunning', message: 'the guest does not run' }
    if (!hasGuestAgent) return { reason: 'GuestAgentUnavailable', message: 'the guest agent does not answer' }
    passwords[user] = sealed
    return undefined
  },
})
