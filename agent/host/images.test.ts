import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Guest } from '../../actions/host/index.ts'
import { sealSecret } from '../../actions/sealed-secret.ts'
import type { Instance } from '../../crds/index.ts'
import type { ImageCache, ImageSource } from '../image/image-cache.ts'
import { ensureImage } from './images.ts'

const { publicKey, privateKey } = generateKeyPairSync('x25519')
const hostKey = publicKey.export({ format: 'jwk' }).x ?? ''
const otherKey = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }).x ?? ''

const seal = (value: string, { server = 'server-1', image = 'image-1', key = hostKey } = {}) =>
  sealSecret(value, key, { server, request: image })

function newGuest(sealedCredentials: string | undefined, params: Record<string, unknown> = {}): Guest {
  const image = {
    name: 'a',
    uid: 'image-1',
    url: 'https://images.example.org/a',
    format: 'qcow2',
    ...(sealedCredentials !== undefined && { sealedCredentials }),
  }
  return {
    server: { metadata: { name: 'web', uid: 'server-1' }, status: { activeAction: { action: 'start', params } } },
    instance: { image } as Instance,
  } as unknown as Guest
}

async function sourceOf(guest: Guest, image: Instance['image'] = guest.instance.image): Promise<ImageSource> {
  const asked: ImageSource[] = []
  const cache = { ensure: async (source: ImageSource) => asked.push(source) } as unknown as ImageCache
  const job = { signal: new AbortController().signal, report: () => undefined }
  await ensureImage({ cache, sealingKey: async () => privateKey }, { guest, image, pin: 'p' }, job)
  return asked[0]!
}

describe('ensureImage', () => {
  it('gives no credentials for an image that names none', async () => {
    expect(await sourceOf(newGuest(undefined))).not.toHaveProperty('authorize')
  })

  it('opens the credentials of the instance', async () => {
    const source = await sourceOf(newGuest(await seal('Basic one')))
    expect(await source.authorize?.()).toBe('Basic one')
    expect(source).not.toHaveProperty('sealedCredentials')
  })

  it('prefers the credentials that came with the request', async () => {
    const source = await sourceOf(newGuest(await seal('Basic one'), { sealedCredentials: await seal('Basic two') }))
    expect(await source.authorize?.()).toBe('Basic two')
  })

  it('does not take them for the image of a rescue system', async () => {
    const guest = newGuest(await seal('Basic one'), { sealedCredentials: await seal('Basic two') })
    const sealedCredentials = await seal('Basic three', { image: 'image-2' })
    const source = await sourceOf(guest, { ...guest.instance.image, uid: 'image-2', sealedCredentials })
    expect(await source.authorize?.()).toBe('Basic three')
  })

  it.each([
    ['another server', { server: 'server-2' }],
    ['another image', { image: 'image-2' }],
    ['another host', { key: otherKey }],
  ])('throws SealedSecretInvalid for credentials of %s', async (_, changed) => {
    const source = await sourceOf(newGuest(await seal('Basic one', changed)))
    await expect(source.authorize?.()).rejects.toMatchObject({
      kind: 'Terminal',
      code: 'SealedSecretInvalid',
      message:
        'the credentials of image a were sealed for another key or server: create a ServerAction with action: start, which seals them again',
    })
  })
})
