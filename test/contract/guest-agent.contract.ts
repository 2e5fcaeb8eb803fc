import { afterEach, describe, expect, it } from 'vitest'
import type { Guest, PasswordRefusal } from '../../actions/host/index.ts'
import { type ContractHost, ctx } from './contract-host.ts'
import { newPreparedGuest, newRunningGuest } from './domain-calls.ts'

/** The images have no guest agent, so only refusals of setPassword() are tested. */
export function describeGuestAgentContract(getHost: () => ContractHost): void {
  const setPassword = async (guest: Guest): Promise<PasswordRefusal | undefined> => {
    const host = getHost()
    const sealed = await host.sealPassword(guest, 'r1')
    return host.host.guestAgent.setPassword(guest, { user: 'root', sealed, requestId: 'r1' }, ctx)
  }

  describe('GuestAgent', () => {
    afterEach(() => getHost().reset())

    it('setPassword answers GuestAgentUnavailable when the guest has no agent, also when it is repeated', async () => {
      const guest = await newRunningGuest(getHost())
      for (let i = 0; i < 2; i++) expect(await setPassword(guest)).toMatchObject({ reason: 'GuestAgentUnavailable' })
    })

    it('setPassword answers GuestNotRunning when the domain is off or missing', async () => {
      const guest = await newPreparedGuest(getHost())
      expect(await setPassword(guest), 'missing').toMatchObject({ reason: 'GuestNotRunning' })
      await getHost().host.domains.define(guest, 'b1', ctx)
      expect(await setPassword(guest), 'off').toMatchObject({ reason: 'GuestNotRunning' })
    })
  })
}
