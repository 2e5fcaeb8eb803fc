import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { ApiError } from '../../../kube/errors.ts'
import { TestShim } from '../../testing.ts'
import { data, imageCalls } from './image-calls.ts'

let shim: TestShim
beforeEach(async () => {
  const started = await new TestShim().start()
  shim = started
  onTestFinished(() => started[Symbol.asyncDispose]())
})

const { create, upload, show, patch, stored, filesIn } = imageCalls(() => shim)

/** Calls `act` when the bytes of the next upload have come, and before the upload makes an Image of them. */
function duringNextUpload(act: () => Promise<unknown>): void {
  const { bytes } = shim.imageFiles
  const receive = bytes.receive.bind(bytes)
  vi.spyOn(bytes, 'receive').mockImplementationOnce(async (...given) => {
    const received = await receive(...given)
    await act()
    return received
  })
}
const rename = [{ op: 'replace', path: '/name', value: 'renamed' }]

describe('an image that changes during its upload', () => {
  it('becomes active with the change', async () => {
    const { id } = await create()
    duringNextUpload(() => patch(id, rename))
    expect((await upload(id)).status).toBe(204)
    expect((await show(id)).body).toMatchObject({ name: 'renamed', status: 'active' })
  })

  it('becomes active with a change that comes at the same time as the end of the upload', async () => {
    const { id } = await create()
    const [uploaded, patched] = await Promise.all([upload(id), patch(id, rename)])
    expect([uploaded.status, patched.status, (await show(id)).body.name]).toEqual([204, 200, 'renamed'])
  })

  it('keeps its formats', async () => {
    const { id } = await create()
    const slow = new Readable({ read: () => undefined })
    const received = shim.imageFiles.bytes.receive(id, slow)
    await expect.poll(async () => (await show(id)).body.status).toBe('saving')
    expect((await patch(id, [{ op: 'replace', path: '/disk_format', value: 'raw' }])).status).toBe(403)
    slow.push(null)
    await received
  })

  it('is gone after its deletion, and the upload answers 410', async () => {
    const { id } = await create()
    duringNextUpload(() => shim.ask('DELETE', `/image/v2/images/${id}`))
    const answer = await upload(id)
    expect([answer.status, answer.body.message]).toEqual([
      410,
      expect.stringContaining(
        `Image ${id} could not be found after upload. The image may have been deleted during the upload`,
      ),
    ])
    expect([stored(), filesIn('data'), (await show(id)).status]).toEqual([[], [], 404])
  })
})

describe('an upload whose Image cannot be created', () => {
  it('leaves no bytes if the API server refuses the Image', async () => {
    const { id } = await create()
    shim.life.fail('create images', new ApiError({ request: 'POST', status: 403 }))
    expect((await upload(id)).status).toBe(403)
    expect([stored(), filesIn('data')]).toEqual([[], []])
    expect((await upload(id)).status).toBe(204)
  })

  it('leaves the bytes if the API server does not answer, because the Image may exist', async () => {
    const { id } = await create()
    shim.life.fail('create images', new ApiError({ request: 'POST', status: 504 }), { when: 'after' })
    expect((await upload(id)).status).toBe(503)
    await expect.poll(async () => (await show(id)).body.status).toBe('active')
    const answer = await shim.app.inject({ method: 'GET', url: new URL(stored()[0]?.spec.url ?? '').pathname })
    expect(answer.body).toBe(data.toString())
  })

  it('succeeds if only the record of the queued image cannot be removed', async () => {
    const { id } = await create()
    vi.spyOn(shim.imageFiles.queued, 'delete').mockRejectedValueOnce(new Error('EIO'))
    expect((await upload(id)).status).toBe(204)
    expect([filesIn('data').length, filesIn('queued').length]).toEqual([1, 1])
    expect(await shim.imageFiles.removeOrphans(stored())).toBe(1)
    expect(filesIn('queued')).toEqual([])
  })
})

describe('PATCH of a queued image', () => {
  it('keeps both of two changes at the same time', async () => {
    const { id } = await create()
    await Promise.all([patch(id, rename), patch(id, [{ op: 'add', path: '/os_distro', value: 'cirros' }])])
    expect((await show(id)).body).toMatchObject({ name: 'renamed', os_distro: 'cirros' })
  })

  it('changes an image although a process has ended during another change', async () => {
    const { id } = await create()
    const lock = join(shim.imageDir, 'queued', `.${id}-lock`)
    writeFileSync(lock, '')
    utimesSync(lock, 0, 0)
    expect((await patch(id, rename)).status).toBe(200)
  })
})

describe('a process that has ended', () => {
  it('leaves no record that comes back when its Image is deleted', async () => {
    const { id } = await create()
    vi.spyOn(shim.imageFiles.queued, 'delete').mockResolvedValueOnce(undefined)
    await upload(id)
    expect(filesIn('queued')).toHaveLength(1)
    expect((await shim.ask('DELETE', `/image/v2/images/${id}`)).status).toBe(204)
    expect([filesIn('queued'), (await show(id)).status]).toEqual([[], 404])
  })

  it('leaves files that are removed after an hour', async () => {
    const { id } = await create()
    const old = join(shim.imageDir, 'queued', `.${id}-of-a-write`)
    writeFileSync(old, '')
    expect(await shim.imageFiles.removeOrphans([])).toBe(0)
    utimesSync(old, 0, 0)
    expect(await shim.imageFiles.removeOrphans([])).toBe(1)
    expect(filesIn('queued')).toEqual([`${id}.json`])
  })
})
