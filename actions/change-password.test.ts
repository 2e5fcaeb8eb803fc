import { describe, expect, it } from 'vitest'
import { actions } from './index.ts'
import { guestOf, runOn, situations, UID } from './testing.ts'

const request = { action: actions.changePassword, params: { sealed: 'sealed-password' } }

function guestOn(os_type: 'linux' | 'windows') {
  const guest = guestOf()
  const image = { ...guest.instance.image, properties: { os_type } }
  return { ...guest, instance: { ...guest.instance, image } }
}

describe('changePassword', () => {
  it.each([
    ['linux', 'root'],
    ['windows', 'Administrator'],
  ] as const)('sets the password of the default user of %s', async (os, user) => {
    const host = await situations.active[0]!()
    await runOn(host, { ...request, guest: guestOn(os) })
    expect(host.machine(UID).passwords).toEqual({ [user]: 'sealed-password' })
  })

  it('sets the password of the user that the request names', async () => {
    const host = await situations.active[0]!()
    await runOn(host, { ...request, params: { ...request.params, user: 'admin' } })
    expect(host.machine(UID).passwords).toEqual({ admin: 'sealed-password' })
  })

  it('is refused when no guest agent answers', async () => {
    const host = await situations.active[0]!()
    host.machine(UID).hasGuestAgent = false
    await expect(runOn(host, request)).rejects.toMatchObject({ kind: 'Refused', code: 'GuestAgentUnavailable' })
    expect(host.machine(UID).passwords).toEqual({})
  })
})
