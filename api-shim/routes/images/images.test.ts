import { createHash } from 'node:crypto'
import { utimesSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { displayNameOf } from '../../state/names.ts'
import { TestShim } from '../../testing.ts'
import { data, type Glance, imageCalls, octets } from './image-calls.ts'

const MD5 = createHash('md5').update(data).digest('hex')
const SHA512 = createHash('sha512').update(data).digest('hex')

let shim: TestShim
beforeEach(async () => {
  const started = await new TestShim().start()
  shim = started
  onTestFinished(() => started[Symbol.asyncDispose]())
})

const { create, upload, show, patch, stored, filesIn } = imageCalls(() => shim)

describe('POST /images', () => {
  it('answers with a queued image, which no Image stands for yet', async () => {
    const image = await create({ hw_disk_bus: 'scsi', min_disk: 2, tags: ['a'] })
    expect(image).toMatchObject({
      name: 'cirros',
      status: 'queued',
      visibility: 'shared',
      disk_format: 'qcow2',
      container_format: 'bare',
      min_disk: 2,
      min_ram: 0,
      protected: false,
      os_hidden: false,
      size: null,
      checksum: null,
      os_hash_algo: null,
      tags: ['a'],
      hw_disk_bus: 'scsi',
      owner: shim.callerOf('member')?.project?.id,
      self: `/v2/images/${image.id}`,
    })
    expect(stored()).toEqual([])
    expect((await show(image.id, 'other')).status).toBe(404)
  })

  it.each([
    [{ status: 'active' }, 403, "Attribute 'status' is read-only."],
    [{ os_glance_x: '1' }, 403, "Attribute 'os_glance_x' is reserved."],
    [{ visibility: 'public' }, 403, 'You are not authorized to complete publicize_image action.'],
    [
      { disk_format: 'ova' },
      400,
      "Provided object does not match schema 'image': 'ova' is not one of [None, 'qcow2', 'raw', 'vmdk', 'vdi', 'vhdx']",
    ],
    [{ min_ram: -1 }, 400, "Invalid value '-1' for parameter 'min_ram': Cannot be a negative value"],
    [{ note: 7 }, 400, "Provided object does not match schema 'image': 7 is not of type 'null', 'string'"],
    [{ owner: 'f'.repeat(32) }, 403, `You are not permitted to create images owned by '${'f'.repeat(32)}'.`],
  ])('refuses %j', async (body, status, message) => {
    const answer = await shim.ask<{ message: string }>('POST', '/image/v2/images', { body: { name: 'x', ...body } })
    expect([answer.status, answer.body.message]).toEqual([status, `${message}<br /><br />\n\n\n`])
  })

  it('refuses a reader', async () => {
    expect((await shim.ask('POST', '/image/v2/images', { body: { name: 'x' }, as: 'reader' })).status).toBe(403)
  })

  it('keeps an ID that the client chooses, and refuses it a second time', async () => {
    const id = '7c1f0a6e-58a4-4c3f-9d0a-0d8d9f6a3b21'
    expect((await create({ id })).id).toBe(id)
    expect((await shim.ask('POST', '/image/v2/images', { body: { id } })).status).toBe(409)
  })
})

describe('PUT /images/{id}/file', () => {
  it('takes no bytes if its address leads each host to itself', async () => {
    await using local = await new TestShim({ publicUrl: 'http://127.0.0.1:8774' }).start()
    const calls = imageCalls(() => local)
    const { id } = await calls.create()
    const answer = await calls.upload(id)
    expect([answer.status, answer.body.message]).toEqual([
      400,
      expect.stringContaining('because http://127.0.0.1:8774 leads each of them to itself'),
    ])
    expect([calls.stored(), calls.filesIn('data'), calls.filesIn('partial')]).toEqual([[], [], []])
  })

  it('makes an Image whose URL serves the bytes to hosts without a token', async () => {
    const { id } = await create({ hw_vif_model: 'e1000', os_type: 'linux', min_ram: 64 })
    expect((await upload(id)).status).toBe(204)
    const [image] = stored()
    expect(image?.metadata).toMatchObject({ name: 'cirros', namespace: 'mine' })
    expect(image?.spec).toEqual({
      uuid: id,
      url: expect.stringMatching(new RegExp(`^http://[^/]+/image/v2/data/${id}/[0-9a-f]{40}$`)),
      checksum: `sha512:${SHA512}`,
      format: 'qcow2',
      minDisk: 0,
      minRam: 64,
      visibility: 'private',
      properties: { hw_vif_model: 'e1000', os_type: 'linux' },
    })
    const path = new URL(image?.spec.url ?? '').pathname
    const answer = await shim.app.inject({ method: 'GET', url: path })
    expect([answer.statusCode, answer.headers['content-length'], answer.body]).toEqual([200, '19', data.toString()])
    const rest = await shim.app.inject({ method: 'GET', url: path, headers: { range: 'bytes=4-' } })
    expect([rest.statusCode, rest.headers['content-range'], rest.body]).toEqual([
      206,
      'bytes 4-18/19',
      'bytes of a disk',
    ])
    const guessed = await shim.app.inject({ method: 'GET', url: path.replace(/.{40}$/, '0'.repeat(40)) })
    expect(guessed.statusCode).toBe(404)
  })

  it('shows the image as active with its hashes, and lets its owner download it', async () => {
    const { id } = await create()
    await upload(id)
    expect((await show(id)).body).toMatchObject({
      id,
      name: 'cirros',
      status: 'active',
      visibility: 'shared',
      size: 19,
      checksum: MD5,
      os_hash_algo: 'sha512',
      os_hash_value: SHA512,
    })
    const answer = await shim.app.inject({
      method: 'GET',
      url: `/image/v2/images/${id}/file`,
      headers: { 'x-auth-token': 'member' },
    })
    expect([answer.statusCode, answer.headers['content-md5'], answer.body]).toEqual([200, MD5, data.toString()])
    expect(filesIn('queued')).toEqual([])
    expect(filesIn('partial')).toEqual([])
  })

  it('refuses a second upload, another content type, and an image without a format', async () => {
    const { id } = await create()
    expect((await shim.ask('PUT', `/image/v2/images/${id}/file`, { body: data })).status).toBe(415)
    await upload(id)
    expect((await upload(id)).status).toBe(409)
    const formless = await create({ name: 'formless', disk_format: null })
    const answer = await shim.ask<{ message: string }>('PUT', `/image/v2/images/${formless.id}/file`, {
      body: data,
      headers: octets,
    })
    expect(answer.body.message).toContain('Property disk_format must be set prior to saving data.')
  })

  it('leaves nothing of an image that is too large', async () => {
    const { id } = await create()
    expect((await upload(id, Buffer.alloc(1_000_001))).status).toBe(413)
    await expect(shim.imageFiles.bytes.receive(id, Readable.from([Buffer.alloc(1_000_001)]))).rejects.toThrow(
      'The incoming image is too large: the limit is 1000000 bytes.',
    )
    expect(filesIn('partial')).toEqual([])
    expect(filesIn('data')).toEqual([])
    expect((await show(id)).body.status).toBe('queued')
  })

  it('leaves nothing when the client stops, so that it can upload again', async () => {
    const { id } = await create()
    const broken = new Readable({
      read() {
        this.push(data)
        this.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }))
      },
    })
    await expect(shim.imageFiles.bytes.receive(id, broken)).rejects.toThrow('the data ended too early')
    expect(filesIn('partial')).toEqual([])
    expect((await upload(id)).status).toBe(204)
  })

  it('says that an image is being saved, and refuses a second upload at the same time', async () => {
    const { id } = await create()
    const slow = new Readable({ read: () => undefined })
    const first = shim.imageFiles.bytes.receive(id, slow)
    await expect.poll(async () => (await show(id)).body.status).toBe('saving')
    expect((await upload(id)).status).toBe(409)
    slow.push(data)
    slow.push(null)
    expect(await first).toMatchObject({ size: 19, md5: MD5, sha512: SHA512 })
  })

  it('gives the object another name if the name of the image is taken or cannot be one', async () => {
    for (const name of ['cirros', 'cirros', 'My image']) await upload((await create({ name })).id)
    expect(stored().map(displayNameOf).toSorted()).toEqual(['My image', 'cirros', 'cirros'])
    expect(stored().map(({ metadata }) => metadata.name.replace(/[0-9a-f]{10}$/, '#'))).toEqual([
      'cirros',
      'cirros-#',
      'my-image-#',
    ])
  })
})

describe('images with many properties', () => {
  const withProperties = (count: number): object =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, 'v']))
  const MESSAGE = 'The limit has been exceeded on the number of allowed image properties. Attempted: 129, Maximum: 128'

  it('takes 128 properties and refuses more with 413', async () => {
    const { id } = await create(withProperties(128))
    const body = { name: 'x', ...withProperties(129) }
    const refused = await shim.ask<Glance>('POST', '/image/v2/images', { body })
    expect([refused.status, refused.body['message']]).toEqual([413, `${MESSAGE}<br /><br />\n\n\n`])
    expect((await patch(id, [{ op: 'add', path: '/another', value: 'v' }])).status).toBe(413)
    expect((await patch(id, [{ op: 'add', path: '/p1', value: 'w' }])).status).toBe(200)
  })

  it('takes a property with the name of a member that every object inherits', async () => {
    const { status, body } = await shim.ask<Glance>('POST', '/image/v2/images', { body: '{"constructor": "a"}' })
    expect([status, body['constructor']]).toEqual([201, 'a'])
    const text = '{"__proto__": "a", "name": "x"}'
    expect((await shim.ask('POST', '/image/v2/images', { body: text })).status).toBe(201)
  })
})

describe('PATCH /images/{id}', () => {
  it('changes attributes and properties of an Image', async () => {
    const { id } = await create({ hw_disk_bus: 'scsi' })
    await upload(id)
    const answer = await patch(id, [
      { op: 'replace', path: '/name', value: 'renamed' },
      { op: 'add', path: '/os_distro', value: 'cirros' },
      { op: 'remove', path: '/hw_disk_bus' },
      { op: 'replace', path: '/protected', value: true },
      { op: 'replace', path: '/tags', value: ['x', 'x'] },
      { op: 'replace', path: '/min_disk', value: 3 },
    ])
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({
      name: 'renamed',
      os_distro: 'cirros',
      protected: true,
      tags: ['x'],
      min_disk: 3,
    })
    expect(answer.body).not.toHaveProperty('hw_disk_bus')
    expect(stored()[0]?.spec).toMatchObject({ minDisk: 3, properties: { os_distro: 'cirros' } })
    const refused = await shim.ask<{ message: string }>('DELETE', `/image/v2/images/${id}`)
    expect([refused.status, refused.body.message]).toEqual([
      403,
      `Image ${id} is protected and cannot be deleted.<br /><br />\n\n\n`,
    ])
  })

  it.each([
    [[{ op: 'replace', path: '/nosuch', value: 'x' }], 409, 'Property nosuch does not exist.'],
    [[{ op: 'remove', path: '/name' }], 403, 'Property name may not be removed.'],
    [[{ op: 'replace', path: '/size', value: 1 }], 403, "Attribute 'size' is read-only."],
    [
      [{ op: 'move', path: '/name' }],
      400,
      'Invalid operation: `move`. It must be one of the following: add, remove, replace.',
    ],
    [[{ op: 'add', path: '/a/b', value: 'x' }], 400, "Invalid JSON pointer for this resource: '/a/b'"],
    [[{ op: 'add', path: 'a', value: 'x' }], 400, 'Pointer `a` does not start with "/".'],
    [[{ op: 'add', path: '/a' }], 400, 'Operation "add" requires a member named "value".'],
    [
      [{ op: 'replace', path: '/disk_format', value: 'raw' }],
      403,
      'Attribute disk_format can be only replaced for a queued image.',
    ],
    [
      [{ op: 'replace', path: '/visibility', value: 'public' }],
      403,
      'You are not authorized to complete publicize_image action.',
    ],
    [{}, 400, 'Request body must be a JSON array of operation objects.'],
  ])('refuses %j', async (body, status, message) => {
    const { id } = await create()
    await upload(id)
    const answer = (await patch(id, body)) as unknown as { status: number; body: { message: string } }
    expect([answer.status, answer.body.message]).toEqual([status, `${message}<br /><br />\n\n\n`])
  })

  it('changes a queued image, also its format', async () => {
    const { id } = await create({ disk_format: null })
    expect((await patch(id, [{ op: 'replace', path: '/disk_format', value: 'raw' }])).body).toMatchObject({
      disk_format: 'raw',
    })
    await upload(id)
    expect(stored()[0]?.spec.format).toBe('raw')
  })

  it('lets an administrator make an image public, which others then see but cannot change', async () => {
    const { id } = await create()
    await upload(id)
    expect((await patch(id, [{ op: 'replace', path: '/visibility', value: 'public' }], 'admin')).status).toBe(200)
    expect(stored()[0]?.spec.visibility).toBe('public')
    expect((await show(id, 'other')).body).toMatchObject({ visibility: 'public' })
    expect((await patch(id, [{ op: 'replace', path: '/name', value: 'x' }], 'other')).status).toBe(403)
    expect((await shim.ask('DELETE', `/image/v2/images/${id}`, { as: 'other' })).status).toBe(403)
  })

  it('answers 415 with the content types that it takes', async () => {
    const { id } = await create()
    const answer = await shim.ask('PATCH', `/image/v2/images/${id}`, { body: [] })
    expect([answer.status, answer.headers['accept-patch']]).toEqual([
      415,
      'application/openstack-images-v2.0-json-patch, application/openstack-images-v2.1-json-patch',
    ])
  })
})

describe('DELETE /images/{id}', () => {
  it('removes the Image and its bytes', async () => {
    const { id } = await create()
    await upload(id)
    expect((await shim.ask('DELETE', `/image/v2/images/${id}`)).status).toBe(204)
    expect([stored(), filesIn('data'), (await show(id)).status]).toEqual([[], [], 404])
  })

  it('removes an image without bytes', async () => {
    const { id } = await create()
    expect((await shim.ask('DELETE', `/image/v2/images/${id}`)).status).toBe(204)
    expect([filesIn('queued'), (await show(id)).status]).toEqual([[], 404])
  })
})

describe('POST /images/{id}/import', () => {
  it('makes an Image that hosts fetch from another server', async () => {
    const { id } = await create()
    const body = { method: { name: 'web-download', uri: 'https://images.example.org/c.qcow2' } }
    expect((await shim.ask('POST', `/image/v2/images/${id}/import`, { body })).status).toBe(202)
    expect(stored()[0]?.spec).toMatchObject({ uuid: id, url: 'https://images.example.org/c.qcow2' })
    expect((await show(id)).body).toMatchObject({ status: 'active', size: null })
  })
})

describe('ImageFiles', () => {
  it('removes bytes whose Image is gone, but not those that are young', async () => {
    const { id } = await create()
    await upload(id)
    expect(await shim.imageFiles.removeOrphans([])).toBe(0)
    const [name = ''] = filesIn('data')
    utimesSync(join(shim.imageDir, 'data', name), 0, 0)
    expect(await shim.imageFiles.removeOrphans(stored())).toBe(0)
    expect(await shim.imageFiles.removeOrphans([])).toBe(1)
    expect(filesIn('data')).toEqual([])
  })
})
