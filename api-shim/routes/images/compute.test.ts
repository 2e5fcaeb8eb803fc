import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Image } from '../../../crds/index.ts'
import { configMaps } from '../../../kube/builtin-kinds.ts'
import { images } from '../../state/stores.ts'
import { TestShim } from '../../testing.ts'

let shim: TestShim
let id: string
beforeEach(async () => {
  const started = await new TestShim().start()
  shim = started
  onTestFinished(() => started[Symbol.asyncDispose]())
  const image = await shim.seed<Image>(images.kind, {
    metadata: { name: 'debian', namespace: 'mine' },
    spec: { url: 'https://images.example.org/d', minDisk: 1, properties: { os_distro: 'debian' } },
  })
  id = image.metadata.uid ?? ''
})
const path = '/compute/v2.1/images'
const ask = (method: string, below: string, options: object = {}) =>
  shim.ask<Record<string, unknown>>(method, `${path}${below}`, { version: '2.35', ...options })

describe('the Compute API on images', () => {
  it('lists and shows images up to 2.35', async () => {
    const root = 'http://localhost:80'
    const links = [
      { rel: 'self', href: `${root}/compute/v2.1/images/${id}` },
      { rel: 'bookmark', href: `${root}/compute/images/${id}` },
      { rel: 'alternate', type: 'application/vnd.openstack.image', href: `${root}/image/images/${id}` },
    ]
    expect((await ask('GET', '')).body).toEqual({ images: [{ id, name: 'debian', links }] })
    const { image } = (await ask('GET', `/${id}`)).body as { image: object }
    expect(image).toEqual({
      id,
      name: 'debian',
      minRam: 0,
      minDisk: 1,
      metadata: { os_distro: 'debian' },
      created: expect.stringMatching(/^\d{4}-.*Z$/),
      updated: expect.stringMatching(/^\d{4}-.*Z$/),
      status: 'ACTIVE',
      progress: 100,
      'OS-EXT-IMG-SIZE:size': 0,
      links,
    })
    expect((await ask('GET', '/detail?status=ACTIVE&property-os_distro=debian')).body).toEqual({ images: [image] })
    expect((await ask('GET', '/detail?status=SAVING')).body).toEqual({ images: [] })
    expect((await ask('GET', '', { version: '2.36' })).status).toBe(404)
  })

  it("answers 404 with Nova's text to an unknown image", async () => {
    expect((await ask('GET', '/nosuch')).body).toEqual({ itemNotFound: { code: 404, message: 'Image not found.' } })
  })

  it('finds no metadata whose names every object inherits', async () => {
    for (const name of ['constructor', '__proto__', 'toString']) {
      const below = `/${id}/metadata/${name}`
      const statuses = [(await ask('GET', below)).status, (await ask('DELETE', below)).status]
      expect([name, ...statuses]).toEqual([name, 404, 404])
    }
  })

  it('has as many properties as the quota of the project allows, and fewer at any time', async () => {
    await shim.seed(configMaps, {
      metadata: { name: 'kubenova-quota', namespace: 'mine' },
      data: { project: '{"":{"metadata_items":0}}' },
    })
    const added = await ask('POST', `/${id}/metadata`, { body: { metadata: { a: '1' } } })
    expect([added.status, added.body]).toEqual([
      403,
      { forbidden: { code: 403, message: 'Image metadata limit exceeded' } },
    ])
    expect((await ask('DELETE', `/${id}/metadata/os_distro`)).status).toBe(204)
  })

  it('changes metadata up to 2.38', async () => {
    const at = { version: '2.38' }
    const add = await ask('POST', `/${id}/metadata`, { ...at, body: { metadata: { os_version: '13' } } })
    expect(add.body).toEqual({ metadata: { os_distro: 'debian', os_version: '13' } })
    const set = await ask('PUT', `/${id}/metadata/os_version`, { ...at, body: { meta: { os_version: '14' } } })
    expect(set.body).toEqual({ meta: { os_version: '14' } })
    expect((await ask('DELETE', `/${id}/metadata/os_distro`, at)).status).toBe(204)
    expect((await ask('GET', `/${id}/metadata`, at)).body).toEqual({ metadata: { os_version: '14' } })
    expect((await ask('GET', `/${id}/metadata/os_version`, at)).body).toEqual({ meta: { os_version: '14' } })
    expect((await ask('PUT', `/${id}/metadata`, { ...at, body: { metadata: { a: 'b' } } })).body).toEqual({
      metadata: { a: 'b' },
    })
    expect(shim.api.list<Image>('images')[0]?.spec.properties).toEqual({ a: 'b' })
    expect((await ask('PUT', `/${id}/metadata/a`, { ...at, body: { meta: { b: 'c' } } })).body).toEqual({
      badRequest: { code: 400, message: 'Request body and URI mismatch' },
    })
    expect((await ask('DELETE', `/${id}/metadata/zz`, at)).body).toEqual({
      itemNotFound: { code: 404, message: 'Invalid metadata key' },
    })
    expect((await ask('GET', `/${id}/metadata`, { version: '2.39' })).status).toBe(404)
  })

  it('deletes an image, but not one of another project', async () => {
    await shim.seed(images.kind, {
      metadata: { name: 'p', namespace: 'other' },
      spec: { url: 'https://images.example.org/p', visibility: 'public', uuid: '7c1f0a6e-58a4-4c3f-9d0a-0d8d9f6a3b21' },
    })
    expect((await ask('DELETE', '/7c1f0a6e-58a4-4c3f-9d0a-0d8d9f6a3b21')).body).toEqual({
      forbidden: { code: 403, message: 'You are not allowed to delete the image.' },
    })
    expect((await ask('DELETE', `/${id}`)).status).toBe(204)
    expect(shim.api.list('images')).toHaveLength(1)
  })

  it('lets a reader change nothing, but says first that an image or a key does not exist', async () => {
    const as = 'reader'
    expect((await ask('DELETE', `/${id}`, { as })).body).toEqual({
      forbidden: { code: 403, message: 'You are not allowed to delete the image.' },
    })
    const refused = { forbidden: { code: 403, message: `Not authorized for image ${id}.` } }
    const body = { metadata: { a: 'b' } }
    expect((await ask('POST', `/${id}/metadata`, { as, body })).body).toEqual(refused)
    expect((await ask('PUT', `/${id}/metadata`, { as, body })).body).toEqual(refused)
    expect((await ask('PUT', `/${id}/metadata/a`, { as, body: { meta: { a: 'b' } } })).body).toEqual(refused)
    expect((await ask('DELETE', `/${id}/metadata/os_distro`, { as })).body).toEqual(refused)
    expect((await ask('DELETE', `/${id}/metadata/zz`, { as })).status).toBe(404)
    expect((await ask('DELETE', '/nosuch', { as })).status).toBe(404)
    expect(shim.api.list<Image>('images')[0]?.spec.properties).toEqual({ os_distro: 'debian' })
  })
})
