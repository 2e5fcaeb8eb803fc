import { describe, expect, it } from 'vitest'
import { serverAction } from '../../actions/index.ts'
import { findCondition, type Image, image, resourceDefOf, type ServerStatus } from '../../crds/index.ts'
import { Bench, startCloud } from '../testing.ts'
import { reconcileAction } from './reconcile.ts'

const active: ServerStatus = {
  vmState: 'active',
  actionRecords: 1,
  observedGeneration: 1,
  launchedAt: '2026-01-01T00:00:00Z',
  domain: { name: 'd' },
}

/**
 * @param reference what the request names as its rescue image; undefined for none
 * @param prepare called before the request
 * @param change a change on the API server that the controller's caches do not show yet
 */
async function requestRescue(
  reference: object | undefined,
  prepare: (bench: Bench) => Promise<unknown>,
  change?: (bench: Bench) => Promise<unknown>,
): Promise<Bench> {
  const bench = await startCloud('h1')
  await bench.createServer('web')
  await bench.reconcile()
  await bench.reportAsAgent(active)
  await prepare(bench)
  await bench.create(serverAction, {
    metadata: { name: 'r1', namespace: 'demo' },
    spec: { server: 'web', action: 'rescue', ...(reference ? { rescue: { image: reference } } : {}) },
  })
  if (change) bench.api.pauseWatches()
  await change?.(bench)
  const deps = { stores: bench.stores, secrets: bench.services.secrets, now: () => bench.now() }
  await bench.fake.life.runUntilKilled(reconcileAction('demo/r1', deps))
  if (change) bench.api.resumeWatches()
  await bench.fake.waitForCaches()
  return bench
}

const createImage = (bench: Bench, namespace: string, spec: Partial<Image['spec']> = {}) =>
  bench.create<Image>(image, {
    metadata: { name: 'rescue', namespace },
    spec: { url: 'https://example.com/rescue.raw', format: 'raw', properties: { hw_disk_bus: 'scsi' }, ...spec },
  })

const accepted = (bench: Bench) => findCondition(bench.listActions()[0]?.status?.conditions, 'Accepted')

describe('a request that names an Image', () => {
  it('is admitted with a copy of the Image', async () => {
    await using bench = await requestRescue({ name: 'rescue' }, (b) => createImage(b, 'demo'))
    expect(bench.statusOf().activeAction?.params).toEqual({
      image: { name: 'rescue' },
      resolvedImage: {
        name: 'rescue',
        namespace: 'demo',
        uid: expect.any(String),
        minDisk: 0,
        url: 'https://example.com/rescue.raw',
        format: 'raw',
        properties: { hw_disk_bus: 'scsi' },
      },
    })
    expect(accepted(bench)).toMatchObject({ status: 'True' })
  })

  it('is admitted when the Image is a public one of another namespace', async () => {
    const reference = { name: 'rescue', namespace: 'images' }
    await using bench = await requestRescue(reference, (b) => createImage(b, 'images', { visibility: 'public' }))
    expect(bench.statusOf().activeAction?.params).toMatchObject({ resolvedImage: { namespace: 'images' } })
  })

  it.each<[string, object, (bench: Bench) => Promise<unknown>, string]>([
    ['there is no such Image', { name: 'none' }, async () => undefined, 'ImageNotFound'],
    [
      'the Image is private to another namespace',
      { name: 'rescue', namespace: 'images' },
      (b) => createImage(b, 'images'),
      'ImageNotAllowed',
    ],
    [
      'the Image needs more memory',
      { name: 'rescue' },
      (b) => createImage(b, 'demo', { minRam: 999_999 }),
      'FlavorMemoryTooSmall',
    ],
    [
      'the Image requires what no host has',
      { name: 'rescue' },
      (b) => createImage(b, 'demo', { properties: { hw_tpm_version: '2.0' } }),
      'UnsupportedHardware',
    ],
    [
      'the Image has more sockets than it allows',
      { name: 'rescue' },
      (b) => createImage(b, 'demo', { properties: { hw_cpu_sockets: '2', hw_cpu_max_sockets: '1' } }),
      'InvalidCpuTopology',
    ],
  ])('is rejected when %s', async (_, reference, prepare, reason) => {
    await using bench = await requestRescue(reference, prepare)
    expect(accepted(bench)).toMatchObject({ status: 'False', reason })
    expect(bench.statusOf()).not.toHaveProperty('activeAction')
  })

  it('is admitted when its owner has just made the Image public, and the cache has the private one', async () => {
    const reference = { name: 'rescue', namespace: 'images' }
    const publish = (b: Bench) =>
      b.api
        .resource<Image>(resourceDefOf(image))
        .patch(reference, { spec: { visibility: 'public' } }, { fieldManager: 'user' })
    await using bench = await requestRescue(reference, (b) => createImage(b, 'images'), publish)
    expect(accepted(bench)).toMatchObject({ status: 'True' })
    expect(bench.statusOf().activeAction?.params).toMatchObject({ resolvedImage: { namespace: 'images' } })
  })

  it('is rejected when the Image was just deleted, although it may not be used either', async () => {
    const reference = { name: 'rescue', namespace: 'images' }
    const remove = (b: Bench) => b.api.resource<Image>(resourceDefOf(image)).delete(reference)
    await using bench = await requestRescue(reference, (b) => createImage(b, 'images'), remove)
    expect(accepted(bench)).toMatchObject({ status: 'False', reason: 'ImageNotFound' })
  })

  it('is admitted without a copy when it names none: the agent takes the image of the server', async () => {
    await using bench = await requestRescue(undefined, async () => undefined)
    expect(bench.statusOf().activeAction).toMatchObject({ action: 'rescue' })
    expect(bench.statusOf().activeAction).not.toHaveProperty('params')
  })
})
