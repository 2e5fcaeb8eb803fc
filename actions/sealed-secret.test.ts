import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { openSealedSecret, openSealedUserData, sealSecret, sealUserData } from './sealed-secret.ts'

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

describe('sealed user data', () => {
  const forServer = { server: 'uid-web' }

  it.each<[string, Uint8Array]>([
    ['empty', Buffer.alloc(0)],
    ['text', Buffer.from('#cloud-config\npassword: päss\n')],
    ['bytes that end like the padding', Buffer.from([0x1f, 0x8b, 0x80, 0, 0])],
    ['as large as Nova allows', Buffer.alloc(65_535, 7)],
  ])('is opened by the host that it was sealed to: %s', async (_, value) => {
    const sealed = await sealUserData(value, publicKey, forServer)
    const opened = await openSealedUserData(sealed, host.privateKey, forServer)
    expect(opened && Buffer.from(opened).equals(value)).toBe(true)
  })

  it('fits into a HostSecret when it is as large as Nova allows', async () => {
    const { length } = await sealUserData(Buffer.alloc(65_535), publicKey, { server: randomUUID() })
    expect(length).toBeLessThan(98_304)
  })

  it('is not opened with the key of another host, or for another server', async () => {
    const sealed = await sealUserData(Buffer.from('#!/bin/sh'), publicKey, forServer)
    expect(await openSealedUserData(sealed, otherHost.privateKey, forServer)).toBeUndefined()
    expect(await openSealedUserData(sealed, host.privateKey, { server: 'uid-db' })).toBeUndefined()
  })

  it('is not opened as a password, nor a password as user data', async () => {
    const userData = await sealUserData(Buffer.from('#!/bin/sh'), publicKey, forServer)
    expect(await openSealedSecret(userData, host.privateKey, binding)).toBeUndefined()
    const password = await sealSecret('secret', publicKey, binding)
    expect(await openSealedUserData(password, host.privateKey, forServer)).toBeUndefined()
  })
})
