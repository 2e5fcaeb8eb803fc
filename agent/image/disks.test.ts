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
import { GIB, MIB } from '../files/sizes.ts'
import {
  createDisks,
  type DisksOptions,
  deleteServerDirectory,
  finishDeletions,
  readDisks,
  rootDiskSizeOf,
} from './disks.ts'
import type { ImageInfo } from './qemu-img.ts'

vi.setConfig({ testTimeout: 60_000 })

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'disks-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function makeOptions(
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
    base: { key: 'k', path, format, virtualSize: 8 * MIB },
    root,
    hasSpace: async () => true,
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
] as const)('createDisks with a %s base and root %s', (format, root, rootFormat) => {
  test('gives the root disk the size of the flavor', async () => {
    const options = makeOptions(format, root)
    const disks = await createDisks(options)
    const backing = root === 'overlay' ? { backing: { path: options.base.path, format } } : {}
    expect(disks).toEqual({ root: { path: join(dir, 'server/disk'), format: rootFormat, ...backing } })
    expect(await readDisks(options.directory)).toEqual(disks)
    const info = diskInfo(disks.root.path, rootFormat)
    expect(statSync(disks.root.path).mode & 0o777).toBe(0o600)
    expect(info['virtual-size']).toBe(GIB)
    expect(info['backing-filename']).toBe(root === 'overlay' ? options.base.path : undefined)
    expect(info['actual-size']).toBeLessThan(16 * MIB)
    if (rootFormat === 'qcow2') execFileSync('qemu-img', ['check', '-q', disks.root.path])
    if (format === 'raw')
      expect(
        execFileSync('qemu-io', ['-r', '-f', rootFormat, '-c', 'read -v 0 9', disks.root.path], { encoding: 'utf8' }),
      ).toContain('the.image')
  })

  test('gives the root disk the size of the image when flavor.disk is 0', async () => {
    const { root: disk } = await createDisks(makeOptions(format, root, { disk: 0 }))
    expect(diskInfo(disk.path, rootFormat)['virtual-size']).toBe(8 * MIB)
  })
})

describe('createDisks by copy from another file system', () => {
  /** There are no reflinks between file systems, so these tests make full copies. */
  let elsewhere: string
  beforeEach(() => {
    elsewhere = mkdtempSync('/dev/shm/base-')
  })
  afterEach(() => rmSync(elsewhere, { recursive: true, force: true }))

  function sparseBase(overrides: Partial<DisksOptions>): DisksOptions {
    const path = join(elsewhere, 'base')
    writeFileSync(path, Buffer.alloc(2 * MIB, 'data'), { mode: 0o444 })
    truncateSync(path, 64 * MIB - 1)
    appendFileSync(path, '!')
    const base = { key: 'k', path, format: 'raw' as const, virtualSize: 64 * MIB }
    return { ...makeOptions('raw', 'copy'), base, ...overrides }
  }

  test('keeps the holes of the base', async () => {
    const options = sparseBase({})
    const { root: disk } = await createDisks(options)
    const { size, blocks, mode } = statSync(disk.path)
    expect({ size, mode: mode & 0o777 }).toEqual({ size: GIB, mode: 0o600 })
    expect(blocks * 512).toBeLessThan(4 * MIB)
    expect(execFileSync('cmp', ['--bytes', `${64 * MIB}`, options.base.path, disk.path], { encoding: 'utf8' })).toBe('')
  })

  test('throws DiskFull when there is no space for the allocated bytes', async () => {
    const asked: number[] = []
    const hasSpace = async (bytes: number) => asked.push(bytes) < 1
    const options = sparseBase({ hasSpace })
    const full = {
      kind: 'Transient',
      code: 'DiskFull',
      message: expect.stringMatching(/bytes of the copy of the image/),
    }
    await expect(createDisks(options)).rejects.toMatchObject(full)
    expect(asked).toEqual([statSync(options.base.path).blocks * 512])
    expect(readdirSync(options.directory)).toEqual(['disks.json'])
    expect((await createDisks({ ...options, hasSpace: async () => true })).root.format).toBe('raw')
  })
})

test('createDisks creates sparse, formatted and labelled disks; deleteServerDirectory removes them', async () => {
  const disks = await createDisks(makeOptions('qcow2', 'overlay', { ephemeral: 1, swap: 16 }))
  const { ephemeral, swap } = disks
  expect([ephemeral?.format, swap?.format]).toEqual(['raw', 'raw'])
  expect(statSync(ephemeral!.path)).toMatchObject({ size: GIB })
  expect(statSync(ephemeral!.path).blocks * 512).toBeLessThan(128 * MIB)
  const blkid = (path: string) => execFileSync('blkid', ['-p', '-o', 'export', path], { encoding: 'utf8' })
  expect(blkid(ephemeral!.path)).toMatch(/LABEL=ephemeral0[^]*TYPE=ext4/)
  expect(statSync(swap!.path).size).toBe(16 * MIB)
  expect(blkid(swap!.path)).toMatch(/TYPE=swap/)
  expect(readdirSync(join(dir, 'server')).sort()).toEqual(['disk', 'disk.eph0', 'disk.swap', 'disks.json'])
  await deleteServerDirectory(join(dir, 'server'))
  await deleteServerDirectory(join(dir, 'server'))
  expect(existsSync(join(dir, 'server'))).toBe(false)
})

test('createDisks keeps existing disks and their formats when options and flavor have changed', async () => {
  const first = await createDisks(makeOptions('raw', 'copy', { swap: 1 }))
  writeFileSync(first.root.path, 'QFI\xfb: the guest pretends to be a qcow2', { flag: 'r+' })
  writeFileSync(first.swap!.path, 'its swap', { flag: 'r+' })
  const again = await createDisks(makeOptions('raw', 'overlay', { swap: 2, ephemeral: 1 }))
  expect(again).toMatchObject(first)
  expect(readFileSync(first.root.path).toString('latin1', 0, 9)).toMatch(/^QFI/)
  expect(statSync(first.swap!.path).size).toBe(MIB)
  expect(await readDisks(join(dir, 'server'))).toEqual(again)
})

test('createDisks creates the missing disks after a crash', async () => {
  const options = makeOptions('qcow2', 'overlay', { ephemeral: 1, swap: 1 })
  const disks = await createDisks(options)
  const { ino } = statSync(disks.root.path)
  rmSync(disks.swap!.path)
  expect(await readDisks(options.directory)).toBeUndefined()
  expect(await createDisks(options)).toEqual(disks)
  expect(statSync(disks.root.path).ino).toBe(ino)
})

test('createDisks removes temporary files that a crash left', async () => {
  const options = makeOptions('qcow2', 'overlay')
  mkdirSync(options.directory)
  writeFileSync(join(options.directory, 'disk.tmp-0123456789ab'), 'half')
  writeFileSync(join(options.directory, 'disks.json'), '{"root":"raw","ephemeral":false,"swap":false}')
  expect(await readDisks(options.directory)).toBeUndefined()
  await createDisks(options)
  expect(readdirSync(options.directory).sort()).toEqual(['disk', 'disks.json'])
  expect((await readDisks(options.directory))?.root.format).toBe('qcow2')
})

test('createDisks throws ImageCacheBusy and leaves no disk when the base is gone', async () => {
  const options = makeOptions('qcow2', 'overlay')
  rmSync(options.base.path)
  await expect(createDisks(options)).rejects.toMatchObject({ kind: 'Transient', code: 'ImageCacheBusy' })
  expect(await readDisks(options.directory)).toBeUndefined()
})

describe('rootDiskSizeOf', () => {
  test.each([
    [1, 8 * MIB, 0, GIB],
    [1, GIB, 1, GIB],
    [0, 8 * MIB, 0, 8 * MIB],
    [0, 1000, 0, 1024],
    [0, 8 * MIB, 2, 2 * GIB],
    [0, 3 * GIB, 2, 3 * GIB],
  ])('for a flavor of %d GiB, an image of %d bytes and minDisk %d is %d', (flavor, image, minDisk, size) =>
    expect(rootDiskSizeOf(flavor, image, minDisk)).toBe(size),
  )

  test.each([
    [1, GIB + 1, 0, /1 GiB.*1073741825 bytes.*with 2 GiB/],
    [1, 8 * MIB, 2, /1 GiB.*asks for 2 GiB/],
  ])('throws for a flavor of %d GiB, an image of %d bytes and minDisk %d', (flavor, image, minDisk, message) => {
    expect(() => rootDiskSizeOf(flavor, image, minDisk)).toThrow(
      expect.objectContaining({
        kind: 'Terminal',
        code: 'FlavorDiskTooSmall',
        message: expect.stringMatching(message),
      }),
    )
  })
})

test('deleteServerDirectory and finishDeletions finish a deletion that a crash interrupted', async () => {
  const server = join(dir, 'server')
  await createDisks({ ...makeOptions('qcow2', 'overlay'), directory: server })
  mkdirSync(`${server}.deleted`)
  writeFileSync(join(`${server}.deleted`, 'disk'), 'old')
  await deleteServerDirectory(server)
  expect(readdirSync(dir)).toEqual(['base.qcow2'])
  mkdirSync(`${server}.deleted`)
  await finishDeletions(dir)
  await finishDeletions(join(dir, 'never'))
  expect(readdirSync(dir)).toEqual(['base.qcow2'])
})
