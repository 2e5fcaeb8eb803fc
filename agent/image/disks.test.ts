import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createDisks, type DisksOptions, deleteDisks, finishDeletions, readDisks, rootDiskSize } from './disks.ts'
import type { ImageInfo } from './qemu-img.ts'

// Other programs do the work here, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 })

const GiB = 1024 ** 3
const MiB = 1024 ** 2
let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'disks-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function options(
  format: 'qcow2' | 'raw',
  root: 'overlay' | 'copy',
  flavor: Partial<DisksOptions['instance']['flavor']> = {},
): DisksOptions {
  const path = join(dir, `base.${format}`)
  if (!existsSync(path)) {
    execFileSync('qemu-img', ['create', '-q', '-f', format, path, '8M'])
    if (format === 'raw') writeFileSync(path, 'the image', { flag: 'r+' })
    chmodSync(path, 0o444)
  }
  return {
    directory: join(dir, 'server'),
    instance: {
      flavor: { name: 'f', vcpus: 1, ram: 64, disk: 1, ephemeral: 0, swap: 0, ...flavor },
      image: { name: 'i', namespace: 'n', uid: 'u', url: 'http://x/', format },
    },
    base: { key: 'k', path, format, virtualSize: 8 * MiB },
    root,
    room: async () => true,
    signal: new AbortController().signal,
  }
}

function diskInfo(path: string, format: string): ImageInfo {
  return JSON.parse(
    execFileSync('qemu-img', ['info', '--output=json', '-f', format, path], { encoding: 'utf8' }),
  ) as ImageInfo
}

describe.each([
  ['qcow2', 'overlay', 'qcow2'],
  ['raw', 'overlay', 'qcow2'],
  ['qcow2', 'copy', 'qcow2'],
  ['raw', 'copy', 'raw'],
] as const)('base %s, %s', (format, root, result) => {
  test('the root disk has the size of the flavor', async () => {
    const more = options(format, root)
    const disks = await createDisks(more)
    const backing = root === 'overlay' ? { backing: { path: more.base.path, format } } : {}
    expect(disks).toEqual({ root: { path: join(dir, 'server/disk'), format: result, ...backing } })
    expect(await readDisks(more.directory)).toEqual(disks)
    const info = diskInfo(disks.root.path, result)
    expect(statSync(disks.root.path).mode & 0o777).toBe(0o600)
    expect(info['virtual-size']).toBe(GiB)
    expect(info['backing-filename']).toBe(root === 'overlay' ? more.base.path : undefined)
    expect(info['actual-size']).toBeLessThan(16 * MiB)
    if (result === 'qcow2') execFileSync('qemu-img', ['check', '-q', disks.root.path])
    if (format === 'raw')
      expect(
        execFileSync('qemu-io', ['-r', '-f', result, '-c', 'read -v 0 9', disks.root.path], { encoding: 'utf8' }),
      ).toContain('the.image')
  })

  test('with flavor.disk 0: of the image', async () => {
    const { root: disk } = await createDisks(options(format, root, { disk: 0 }))
    expect(diskInfo(disk.path, result)['virtual-size']).toBe(8 * MiB)
  })
})

describe('a copy', () => {
  /** On another file system than the server's folder: no file system clones from another. */
  let elsewhere: string
  beforeEach(() => {
    elsewhere = mkdtempSync('/dev/shm/base-')
  })
  afterEach(() => rmSync(elsewhere, { recursive: true, force: true }))

  /** 2 MiB, a hole, and a byte. */
  function holey(more: Partial<DisksOptions>): DisksOptions {
    const path = join(elsewhere, 'base')
    writeFileSync(path, Buffer.alloc(2 * MiB, 'data'), { mode: 0o444 })
    truncateSync(path, 64 * MiB - 1)
    appendFileSync(path, '!')
    const base = { key: 'k', path, format: 'raw' as const, virtualSize: 64 * MiB }
    return { ...options('raw', 'copy'), base, ...more }
  }

  test('has the holes of the base', async () => {
    const more = holey({})
    const { root: disk } = await createDisks(more)
    const { size, blocks, mode } = statSync(disk.path)
    expect({ size, mode: mode & 0o777 }).toEqual({ size: GiB, mode: 0o600 })
    expect(blocks * 512).toBeLessThan(4 * MiB)
    expect(execFileSync('cmp', ['--bytes', `${64 * MiB}`, more.base.path, disk.path], { encoding: 'utf8' })).toBe('')
  })

  test('is not made where there is no room for what it takes', async () => {
    const asked: number[] = []
    const room = async (bytes: number) => asked.push(bytes) < 1
    const more = holey({ room })
    const full = {
      kind: 'Transient',
      code: 'DiskFull',
      message: expect.stringMatching(/bytes of the copy of the image/),
    }
    await expect(createDisks(more)).rejects.toMatchObject(full)
    expect(asked).toEqual([statSync(more.base.path).blocks * 512])
    expect(readdirSync(more.directory)).toEqual(['disks.json'])
    expect((await createDisks({ ...more, room: async () => true })).root.format).toBe('raw')
  })
})

test('all disks: sparse, formatted, labelled', async () => {
  const disks = await createDisks(options('qcow2', 'overlay', { ephemeral: 1, swap: 16 }))
  const { ephemeral, swap } = disks
  expect([ephemeral?.format, swap?.format]).toEqual(['raw', 'raw'])
  expect(statSync(ephemeral!.path)).toMatchObject({ size: GiB })
  expect(statSync(ephemeral!.path).blocks * 512).toBeLessThan(128 * MiB)
  const blkid = (path: string) => execFileSync('blkid', ['-p', '-o', 'export', path], { encoding: 'utf8' })
  expect(blkid(ephemeral!.path)).toMatch(/LABEL=ephemeral0[^]*TYPE=ext4/)
  expect(statSync(swap!.path).size).toBe(16 * MiB)
  expect(blkid(swap!.path)).toMatch(/TYPE=swap/)
  expect(readdirSync(join(dir, 'server')).sort()).toEqual(['disk', 'disk.eph0', 'disk.swap', 'disks.json'])
  await deleteDisks(join(dir, 'server'))
  await deleteDisks(join(dir, 'server'))
  expect(existsSync(join(dir, 'server'))).toBe(false)
})

test('disks that exist are left as they are, and their formats too, whatever the host does now', async () => {
  const first = await createDisks(options('raw', 'copy', { swap: 1 }))
  writeFileSync(first.root.path, 'QFI\xfb: the guest pretends to be a qcow2', { flag: 'r+' })
  writeFileSync(first.swap!.path, 'its swap', { flag: 'r+' })
  const again = await createDisks(options('raw', 'overlay', { swap: 2, ephemeral: 1 }))
  expect(again).toMatchObject(first)
  expect(readFileSync(first.root.path).toString('latin1', 0, 9)).toMatch(/^QFI/)
  expect(statSync(first.swap!.path).size).toBe(MiB)
  expect(await readDisks(join(dir, 'server'))).toEqual(again)
})

test('a crash between the disks: they are not complete, and are completed', async () => {
  const more = options('qcow2', 'overlay', { ephemeral: 1, swap: 1 })
  const disks = await createDisks(more)
  const { ino } = statSync(disks.root.path)
  rmSync(disks.swap!.path)
  expect(await readDisks(more.directory)).toBeUndefined()
  expect(await createDisks(more)).toEqual(disks)
  expect(statSync(disks.root.path).ino).toBe(ino)
})

test('what a crash left is cleaned, and is no disk', async () => {
  const more = options('qcow2', 'overlay')
  mkdirSync(more.directory)
  writeFileSync(join(more.directory, 'disk.tmp-0123456789ab'), 'half')
  writeFileSync(join(more.directory, 'disks.json'), '{"root":"raw","ephemeral":false,"swap":false}')
  expect(await readDisks(more.directory)).toBeUndefined()
  await createDisks(more)
  expect(readdirSync(more.directory).sort()).toEqual(['disk', 'disks.json'])
  expect((await readDisks(more.directory))?.root.format).toBe('qcow2')
})

test('a base that is gone is Transient, and leaves no disk', async () => {
  const more = options('qcow2', 'overlay')
  rmSync(more.base.path)
  await expect(createDisks(more)).rejects.toMatchObject({ kind: 'Transient', code: 'ImageCacheBusy' })
  expect(await readDisks(more.directory)).toBeUndefined()
})

describe('size of the root disk', () => {
  test.each([
    [1, 8 * MiB, 0, GiB],
    [1, GiB, 1, GiB],
    [0, 8 * MiB, 0, 8 * MiB],
    [0, 1000, 0, 1024],
    [0, 8 * MiB, 2, 2 * GiB],
    [0, 3 * GiB, 2, 3 * GiB],
  ])('flavor %d GiB, image %d bytes, minDisk %d', (flavor, image, minDisk, size) =>
    expect(rootDiskSize(flavor, image, minDisk)).toBe(size),
  )

  test.each([
    [1, GiB + 1, 0, /1 GiB.*1073741825 bytes.*with 2 GiB/],
    [1, 8 * MiB, 2, /1 GiB.*asks for 2 GiB/],
  ])('flavor %d GiB is too small for %d bytes, minDisk %d', (flavor, image, minDisk, message) => {
    expect(() => rootDiskSize(flavor, image, minDisk)).toThrow(
      expect.objectContaining({
        kind: 'Terminal',
        code: 'FlavorDiskTooSmall',
        message: expect.stringMatching(message),
      }),
    )
  })
})

test('a deletion that a crash cut short is ended', async () => {
  const server = join(dir, 'server')
  await createDisks({ ...options('qcow2', 'overlay'), directory: server })
  mkdirSync(`${server}.deleted`)
  writeFileSync(join(`${server}.deleted`, 'disk'), 'of before')
  await deleteDisks(server)
  expect(readdirSync(dir)).toEqual(['base.qcow2'])
  mkdirSync(`${server}.deleted`)
  await finishDeletions(dir)
  await finishDeletions(join(dir, 'never'))
  expect(readdirSync(dir)).toEqual(['base.qcow2'])
})
