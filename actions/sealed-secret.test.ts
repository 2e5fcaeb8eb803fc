import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { openSealedSecret, sealSecret } from './sealed-secret.ts'

const host = generateKeyPairSync('x25519')
const otherHost = generateKeyPairSync('x25519')
const publicKey = host.publicKey.export({ format: 'jwk' }).x ?? ''
const binding = { server: 'uid-web', request: 'uid-request' }

describe('a sealed secret', () => {
  it.each(['!', 'päss wörd', 'x'.repeat(128), 'y'.repeat(1000)])(
    'is opened by the host that it was sealed to: %s',
    async (value) => {
      const sealed = await sealSecret(value, publicKey, binding)
      expect(sealed).not.toContain(value)
      expect(await openSealedSecret(sealed, host.privateKey, binding)).toBe(value)
    },
  )

  it('does not show how long the value is', async () => {
    const lengths = await Promise.all(
      ['a', 'b'.repeat(100)].map(async (value) => (await sealSecret(value, publicKey, binding)).length),
    )
    expect(lengths[0]).toBe(lengths[1])
  })

  it('is another text each time', async () => {
    expect(await sealSecret('same', publicKey, binding)).not.toBe(await sealSecret('same', publicKey, binding))
  })

  it('is not opened with the key of another host', async () => {
    const sealed = await sealSecret('secret', publicKey, binding)
    expect(await openSealedSecret(sealed, otherHost.privateKey, binding)).toBeUndefined()
  })

  it.each([
    ['another server', { ...binding, server: 'uid-db' }],
    ['another request', { ...binding, request: 'uid-older' }],
  ])('is not opened for %s', async (_, other) => {
    const sealed = await sealSecret('secret', publicKey, binding)
    expect(await openSealedSecret(sealed, host.privateKey, other)).toBeUndefined()
  })

  it('is not opened when its header names another server than it was sealed for', async () => {
    const [header = '', ...rest] = (await sealSecret('secret', publicKey, binding)).split('.')
    const read = JSON.parse(Buffer.from(header, 'base64url').toString()) as object
    const forged = Buffer.from(JSON.stringify({ ...read, server: 'uid-db' })).toString('base64url')
    const sealed = [forged, ...rest].join('.')
    expect(await openSealedSecret(sealed, host.privateKey, { ...binding, server: 'uid-db' })).toBeUndefined()
  })

  it.each(['', 'abc', 'a.b.c.d.e'])('is not opened when it is damaged: %j', async (sealed) => {
    expect(await openSealedSecret(sealed, host.privateKey, binding)).toBeUndefined()
  })
})
