import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { sealSecret } from '../../actions/sealed-secret.ts'
import { guestOf, UID } from '../../actions/testing.ts'
import { ownerElement } from '../domain/metadata.ts'
import { renderXml } from '../domain/render-xml.ts'
import { type CallFunction, type LibvirtError, proc } from '../libvirt/index.ts'
import { makeLibvirtError } from '../libvirt/testing/errors.ts'
import { publicSealingKey } from '../sealing-key.ts'
import { newDomainClient } from './domain-client.ts'
import { newGuestAgent } from './guest-agent.ts'

const { privateKey } = generateKeyPairSync('x25519')
const owner = renderXml(ownerElement({ namespace: 'demo', name: 'web', uid: UID }))
const ctx = { signal: new AbortController().signal }
const PASSWORD = 'correct horse'

interface SetPasswordOptions {
  error?: LibvirtError
  active?: boolean
  key?: KeyObject
  requestId?: string
}

async function setPassword({ error, active = true, key = privateKey, requestId = 'r1' }: SetPasswordOptions = {}) {
  const calls: object[] = []
  const call = async (procedure: unknown, args: object): Promise<unknown> => {
    if (procedure === proc.domainLookupByUuid) return { dom: { name: 'web', uuid: UID, id: 1 } }
    if (procedure === proc.domainGetMetadata) return { metadata: owner }
    if (procedure === proc.domainIsActive) return { active }
    calls.push(args)
    if (error) throw error
    return {}
  }
  const client = newDomainClient(call as unknown as CallFunction)
  const guestAgent = newGuestAgent({ client, sealingKey: async () => privateKey })
  const sealed = await sealSecret(PASSWORD, publicSealingKey(key), { server: UID, request: 'r1' })
  const result = await guestAgent.setPassword(guestOf(), { user: 'root', sealed, requestId }, ctx)
  return { result, calls }
}

describe('setPassword', () => {
  it('opens the password and gives it to the guest agent', async () => {
    const { result, calls } = await setPassword()
    expect(result).toBeUndefined()
    expect(calls).toEqual([{ dom: { name: 'web', uuid: UID, id: 1 }, user: 'root', password: PASSWORD, flags: 0 }])
  })

  it.each<[string, SetPasswordOptions]>([
    ['it was sealed to another key', { key: generateKeyPairSync('x25519').privateKey }],
    ['it was sealed for another request', { requestId: 'r2' }],
  ])('answers SealedSecretInvalid without a call when %s', async (_, given) => {
    const { result, calls } = await setPassword(given)
    expect(result).toMatchObject({ reason: 'SealedSecretInvalid' })
    expect(calls).toEqual([])
  })

  it.each<[string, SetPasswordOptions, string]>([
    [
      'the domain has no channel to a guest agent',
      { error: makeLibvirtError(74, 'QEMU guest agent is not configured') },
      'GuestAgentUnavailable',
    ],
    [
      'the guest agent does not answer',
      { error: makeLibvirtError(86, 'QEMU guest agent is not connected') },
      'GuestAgentUnavailable',
    ],
    [
      'the guest agent fails',
      { error: makeLibvirtError(1, 'child process has failed to set user password') },
      'GuestAgentError',
    ],
    ['the domain is off', { error: makeLibvirtError(55, 'domain is not running'), active: false }, 'GuestNotRunning'],
  ])('answers with the reason when %s', async (_, given, reason) => {
    expect((await setPassword(given)).result).toMatchObject({ reason })
  })

  it.each([PASSWORD, Buffer.from(PASSWORD).toString('base64')])(
    'leaves out libvirt’s message when it contains the password: %s',
    async (text) => {
      const { result } = await setPassword({ error: makeLibvirtError(1, `cannot run: set-user-password ${text}`) })
      expect(result?.reason).toBe('GuestAgentError')
      expect(JSON.stringify(result)).not.toContain(text)
    },
  )

  it('throws Transient LibvirtBusy when libvirt runs another operation on the domain', async () => {
    const error = makeLibvirtError(68, 'Timed out during operation: cannot acquire state change lock')
    await expect(setPassword({ error })).rejects.toMatchObject({ kind: 'Transient', code: 'LibvirtBusy' })
  })
})
