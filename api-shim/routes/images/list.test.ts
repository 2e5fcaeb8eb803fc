import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Image } from '../../../crds/index.ts'
import { imageIdOf, images } from '../../state/stores.ts'
import { TestShim } from '../../testing.ts'

interface Glance {
  id: string
  name: string
  [name: string]: unknown
}

let shim: TestShim
beforeEach(async () => {
  const started = await new TestShim().start()
  shim = started
  onTestFinished(() => started[Symbol.asyncDispose]())
})

const create = async (body: object): Promise<Glance> =>
  (await shim.ask<Glance>('POST', '/image/v2/images', { body })).body
const show = (id: string) => shim.ask<Glance>('GET', `/image/v2/images/${id}`)
const list = async (query = '', as = 'member'): Promise<string[]> => {
  const { body } = await shim.ask<{ images: Glance[] }>('GET', `/image/v2/images${query}`, { as })
  return body.images.map(({ name }) => name)
}

describe('GET /images', () => {
  const seed = (name: string, spec: object = {}, namespace = 'mine') =>
    shim.seed<Image>(images.kind, {
      metadata: { name, namespace },
      spec: { url: `https://images.example.org/${name}`, ...spec },
    })

  it('lists Images that were made with kubectl, by their uid', async () => {
    const image = await seed('debian', { checksum: `sha256:${'a'.repeat(64)}`, properties: { os_distro: 'debian' } })
    expect((await show(imageIdOf(image))).body).toMatchObject({
      id: image.metadata.uid,
      name: 'debian',
      status: 'active',
      visibility: 'private',
      os_distro: 'debian',
      os_hash_algo: 'sha256',
      os_hash_value: 'a'.repeat(64),
      size: null,
    })
    const file = await shim.ask<{ message: string }>('GET', `/image/v2/images/${image.metadata.uid}/file`)
    expect([file.status, file.body.message]).toEqual([
      403,
      'The data of this image are not stored here, but at https://images.example.org/debian<br /><br />\n\n\n',
    ])
  })

  it('lists queued images for their project only', async () => {
    await create({ name: 'waiting' })
    expect([await list(), await list('', 'other')]).toEqual([['waiting'], []])
  })

  it('filters by names, properties, visibility and tags', async () => {
    await seed('a', { properties: { os_distro: 'debian' } })
    await seed('b', { visibility: 'public' }, 'other')
    await seed('hidden-from-mine', {}, 'other')
    const hidden = await create({ name: 'h', os_hidden: true, tags: ['t'] })
    const names = async (query: string): Promise<string[]> => (await list(query)).toSorted()
    expect(await names('')).toEqual(['a', 'b'])
    expect(await names('?name=a')).toEqual(['a'])
    expect(await names('?name=in:a,b')).toEqual(['a', 'b'])
    expect(await names('?os_distro=debian')).toEqual(['a'])
    expect(await names('?visibility=public')).toEqual(['b'])
    expect(await names('?visibility=all&status=active')).toEqual(['a', 'b'])
    expect(await names('?os_hidden=True')).toEqual(['h'])
    expect(await names('?os_hidden=true&tag=t')).toEqual(['h'])
    expect(await names(`?os_hidden=true&id=${hidden.id}`)).toEqual(['h'])
    expect(await names(`?owner=${shim.callerOf('other')?.project?.id}`)).toEqual(['b'])
  })

  it('sorts and cuts pages', async () => {
    for (const name of ['b', 'a', 'c']) await seed(name)
    expect(await list('?sort=name:asc')).toEqual(['a', 'b', 'c'])
    expect(await list('?sort_key=name&sort_dir=desc')).toEqual(['c', 'b', 'a'])
    const { body } = await shim.ask<{ images: Glance[]; next: string; first: string }>(
      'GET',
      '/image/v2/images?sort=name:asc&limit=2',
    )
    expect(body.images.map(({ name }) => name)).toEqual(['a', 'b'])
    expect(body.first).toBe('/v2/images?sort=name%3Aasc&limit=2')
    expect(body.next).toBe(`/v2/images?sort=name%3Aasc&limit=2&marker=${body.images[1]?.id}`)
    expect(await list(body.next.slice('/v2/images'.length))).toEqual(['c'])
  })

  it.each([
    ['limit=x', 'limit param must be an integer'],
    ['limit=-1', 'limit param must be positive'],
    [
      'sort_key=foo',
      'Invalid sort key: foo. It must be one of the following: name, status, container_format, disk_format, size, id, created_at, updated_at.',
    ],
    ['sort=name:up', 'Invalid sort direction: up'],
    ['sort=name&sort_key=id', 'Old and new sorting syntax cannot be combined'],
    ['created_at=constructor:2026-01-01', "Unable to filter on time 'constructor:2026-01-01'."],
    ['visibility=x', 'Invalid visibility value: x'],
    ['os_hidden=x', "Invalid value 'x' for 'os_hidden' filter. Valid values are 'true' or 'false'."],
  ])('answers 400 to %s', async (query, message) => {
    await seed('a')
    const answer = await shim.ask<{ message: string }>('GET', `/image/v2/images?${query}`)
    expect([answer.status, answer.body.message]).toEqual([400, `${message}<br /><br />\n\n\n`])
  })
})
