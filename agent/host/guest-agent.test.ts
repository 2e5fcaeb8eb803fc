import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { sealSecret } from '../../actions/sealed-secret.ts'
import { guestOf, UID } from '../../actions/testing.ts'
import { ownerElement } from '../domain/metadata.ts'
import { renderXml } from '../domain/render-xml.ts'
import { type CallFunction, LibvirtError, proc } from '../libvirt/index.ts'
import { publicSealingKey } from '../sealing-key.ts'
import { newDomainClient } from './domain-client.ts'
import { newGuestAgent } from './guest-agent.ts'

const { privateKey } = generateKeyPairSync('x25519')
const owner = renderXml(ownerElement({ namespace: 'demo', name: 'web', uid: UID }))
const ctx = { signal: new AbortController().signal }
const PASSWORD = 'correct horse'

/** Errors of libvirt by their number. */
const libvirtError = (code: number, message: string): LibvirtError => {
  const nothing = { dom: null, str1: null, str2: null, str3: null, int1: 0, int2: 0, net: null }
  return new LibvirtError({ code, domain: 10, message, level: 2, ...nothing }, 'test')
}

interface Given {
  error?: LibvirtError
  active?: boolean
  key?: KeyObject
  requestId?: string
}

/**
 * Sets a sealed password on a libvirtd that answers with `error`. Answers what came of it, and what libvirtd was called
 * with.
 */
async function setPassword({ error, active = true, key = privateKey, requestId = 'r1' }: Given = {}) {
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

  it.each<[string, Given]>([
    ['it was sealed to another key', { key: generateKeyPairSync('x25519').privateKey }],
    ['it was sealed for another request', { requestId: 'r2' }],
  ])('answers SealedSecretInvalid without a call when %s', async (_, given) => {
    const { result, calls } = await setPassword(given)
    expect(result).toMatchObject({ reason: 'SealedSecretInvalid' })
    expect(calls).toEqual([])
  })

  it.each<[string, Given, string]>([
    [
      'the domain has no channel',
      { error: libvirtError(74, 'QEMU guest agent is not configured') },
      'GuestAgentUnavailable',
    ],
    [
      'the guest agent does not answer',
      { error: libvirtError(86, 'QEMU guest agent is not connected') },
      'GuestAgentUnavailable',
    ],
    [
      'the guest agent fails',
      { error: libvirtError(1, 'child process has failed to set user password') },
      'GuestAgentError',
    ],
    ['the domain is off', { error: libvirtError(55, 'domain is not running'), active: false }, 'GuestNotRunning'],
  ])('answers why not when %s', async (_, given, reason) => {
    expect((await setPassword(given)).result).toMatchObject({ reason })
  })

  it.each([PASSWORD, Buffer.from(PASSWORD).toString('base64')])(
    'leaves out a message of libvirt that has the password: %s',
    async (text) => {
      const { result } = await setPassword({ error: libvirtError(1, `cannot run: set-user-password ${text}`) })
      expect(result?.reason).toBe('GuestAgentError')
      expect(JSON.stringify(result)).not.toContain(text)
    },
  )

  it('is tried again when libvirt has other work with the domain', async () => {
    const error = libvirtError(68, 'Timed out during operation: cannot acquire state change lock')
    await expect(setPassword({ error })).rejects.toMatchObject({ kind: 'Transient', code: 'LibvirtBusy' })
  })
})
