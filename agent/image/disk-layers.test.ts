import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { findOverlaysIn, hasLayer, isNewerThan, newCacheTest, readLayersBelow } from './disk-layers.ts'

const directory = mkdtempSync(join(tmpdir(), 'layers-'))
afterAll(() => rmSync(directory, { recursive: true }))

const path = (name: string): string => join(directory, name)
function create(name: string, ...options: string[]): string {
  execFileSync('qemu-img', ['create', '-q', ...options, path(name), '1M'])
  return path(name)
}
const overlay = (name: string, below: string, format: string): string =>
  create(name, '-f', 'qcow2', '-F', format, '-b', below)
const notCached = (): boolean => false

describe('readLayersBelow', () => {
  it('reads all layers with their formats, down to the cached image', async () => {
    const base = create('base', '-f', 'qcow2')
    const disk = overlay('disk', base, 'qcow2')
    const top = overlay('disk.s1', disk, 'qcow2')
    expect(await readLayersBelow({ path: top, format: 'qcow2' }, (p) => p === base)).toEqual({
      path: disk,
      format: 'qcow2',
      isOwn: true,
      backing: { path: base, format: 'qcow2' },
    })
  })

  it('reads a name that is relative to the overlay', async () => {
    create('relative-raw', '-f', 'raw')
    const top = overlay('relative', 'relative-raw', 'raw')
    expect(await readLayersBelow({ path: top, format: 'qcow2' }, notCached)).toEqual({
      path: path('relative-raw'),
      format: 'raw',
      isOwn: true,
    })
  })

  it('does not look into a raw disk, even if the guest has written a qcow2 header to it', async () => {
    const evil = overlay('evil', '/etc/shadow', 'raw')
    expect(await readLayersBelow({ path: evil, format: 'raw' }, notCached)).toBeUndefined()
    const top = overlay('on-evil', evil, 'raw')
    expect(await readLayersBelow({ path: top, format: 'qcow2' }, notCached)).toEqual({
      path: evil,
      format: 'raw',
      isOwn: true,
    })
  })

  it.each([
    [
      'DiskMissing',
      'of a layer that does not exist',
      () => overlayOfMissing(),
      /away.*does not exist: bring it back; if .* Pod$/,
    ],
    ['DiskUnusable', 'of a header without a format', () => withoutFormat(), /qemu-img rebase -u -F FORMAT/],
    ['DiskUnusable', 'of another format', () => overlay('on-vmdk', create('v', '-f', 'vmdk'), 'vmdk'), /format vmdk/],
    ['DiskUnusable', 'of a layer on the network', () => onNetwork(), /which is no file of this host/],
    ['DiskUnusable', 'of a loop', () => loop(), /which is an overlay on it in turn/],
    ['DiskUnusable', 'of a file that is not qcow2', () => create('plain', '-f', 'raw'), /cannot read the disk/],
  ])('throws %s because %s', { timeout: 60_000 }, async (code, _, make, message) => {
    await expect(readLayersBelow({ path: make(), format: 'qcow2' }, notCached)).rejects.toMatchObject({
      kind: 'Transient',
      code,
      message: expect.stringMatching(message),
    })
  })
})

function overlayOfMissing(): string {
  const top = overlay('on-away', create('away', '-f', 'raw'), 'raw')
  rmSync(path('away'))
  return top
}

/** Old versions of qemu-img made overlays whose header does not say which format the layer below has. */
function withoutFormat(): string {
  const top = overlay('formatless', create('below', '-f', 'raw'), 'raw')
  const file = readFileSync(top)
  // QEMU ignores a header extension of an unknown type, so the header then names no format.
  file.writeUInt32BE(0x11111111, file.indexOf(Buffer.from('e2792aca', 'hex')))
  writeFileSync(top, file)
  return top
}

function onNetwork(): string {
  const top = path('on-network')
  execFileSync('qemu-img', ['create', '-q', '-u', '-f', 'qcow2', '-F', 'raw', '-b', 'nbd://192.0.2.9/x', top, '1M'])
  return top
}

function loop(): string {
  const top = overlay('loop-a', create('loop-b', '-f', 'qcow2'), 'qcow2')
  execFileSync('qemu-img', ['rebase', '-u', '-f', 'qcow2', '-F', 'qcow2', '-b', top, path('loop-b')])
  return top
}

it('hasLayer answers whether a path is among the layers', () => {
  const layers = { path: '/a', format: 'qcow2', backing: { path: '/b', format: 'raw' } } as const
  expect([hasLayer(layers, '/a'), hasLayer(layers, '/b'), hasLayer(layers, '/c'), hasLayer(undefined, '/a')]).toEqual([
    true,
    true,
    false,
    false,
  ])
})

it('isNewerThan compares the times of the last write', async () => {
  for (const [name, seconds] of [
    ['old', 1000],
    ['new', 1001],
  ] as const) {
    writeFileSync(path(name), '')
    utimesSync(path(name), seconds, seconds)
  }
  expect(await isNewerThan(path('new'), path('old'))).toBe(true)
  expect(await isNewerThan(path('old'), path('new'))).toBe(false)
  expect(await isNewerThan(path('old'), path('old'))).toBe(false)
})

it('findOverlaysIn lists the qcow2 files but those that are known', async () => {
  const found = await findOverlaysIn(directory, new Set([path('disk')]))
  expect(found).toContain(path('disk.s1'))
  expect(found).not.toContain(path('disk'))
  expect(found).not.toContain(path('plain'))
})

it('newCacheTest takes all cached images for cached, and nothing if the disk was not made as an overlay', () => {
  const isCached = newCacheTest({ path: '/state/cache/bases/1/disk' })
  expect(isCached('/state/cache/bases/2/disk')).toBe(true)
  expect(isCached('/state/instances/2/disk')).toBe(false)
  expect(newCacheTest(undefined)('/state/cache/bases/2/disk')).toBe(false)
})
