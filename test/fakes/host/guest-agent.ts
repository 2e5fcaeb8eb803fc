import type { GuestAgent } from '../../../actions/host/index.ts'
import type { MachineOf } from './machine.ts'

/** Stores a new password in encrypted form, because the fake host has no key to decrypt it. */
export const fakeGuestAgent = (machineOf: MachineOf): GuestAgent => ({
  async setPassword({ server }, { user, sealed }) {
    const { domain, hasGuestAgent, passwords } = machineOf(server.metadata.uid)
    if (domain?.state !== 'running') return { reason: 'GuestNotRunning', message: 'the guest does not run' }
    if (!hasGuestAgent) return { reason: 'GuestAgentUnavailable', message: 'the guest agent does not answer' }
    passwords[user] = sealed
    return undefined
  },
})
