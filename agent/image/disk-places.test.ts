import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { UsageError } from '../../kube/options.ts'
import { newPlaceCheck, parseDiskDirs } from './disk-places.ts'

let root: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'places-'))
  mkdirSync(join(root, 'data'))
  mkdirSync(join(root, 'vg0'))
  writeFileSync(join(root, 'data/disk'), '')
  writeFileSync(join(root, 'dm-3'), '')
  symlinkSync(join(root, 'data'), join(root, 'link'))
  symlinkSync('../dm-3', join(root, 'vg0/volume'))
})
afterAll(() => rmSync(root, { recursive: true }))

describe('newPlaceCheck', () => {
  const check = (path: string, ...directories: string[]) =>
    newPlaceCheck(directories.map((directory) => join(root, directory)))(join(root, path), 'it')

  it.each([
    ['a file in the directory', 'data/disk', 'data'],
    ['a file that does not exist in the directory', 'data/none', 'data'],
    ['a file in a directory below it', 'data/a/disk', 'data/'],
    ['a file in one of several directories', 'data/disk', 'vg0', 'data'],
    ['a file by the real path when the directory is a symbolic link', 'data/disk', 'link'],
    ['a file by a symbolic link to the directory', 'link/disk', 'data'],
    ['a volume of LVM, which is a symbolic link to a device', 'vg0/volume', 'vg0'],
  ])('accepts %s', (_, path, ...directories) => expect(check(path, ...directories)).resolves.toBeUndefined())

  it.each([
    ['a file in another directory', 'dm-3', 'data'],
    ['a file in a directory whose name only begins like it', 'data2/disk', 'data'],
    ['any file when there is no directory', 'data/disk'],
  ])('throws DiskUnusable for %s', (_, path, ...directories) =>
    expect(check(path, ...directories)).rejects.toMatchObject({ kind: 'Transient', code: 'DiskUnusable' }),
  )

  it('throws DiskUnusable for a path whose dots lead out of the directory', () =>
    expect(newPlaceCheck([join(root, 'data')])(`${root}/data/../dm-3`, 'it')).rejects.toMatchObject({
      code: 'DiskUnusable',
    }))
})

describe('parseDiskDirs', () => {
  it.each([
    ['', []],
    ['/var/lib/libvirt/images', ['/var/lib/libvirt/images']],
    ['/backup, /dev/vg0,', ['/backup', '/dev/vg0']],
  ])('parses "%s"', (text, directories) => expect(parseDiskDirs(text)).toEqual(directories))

  it('refuses a path that is not absolute', () =>
    expect(() => parseDiskDirs('/backup,overlays')).toThrow(
      new UsageError('--disk-dirs: overlays is no absolute path: write directories as /backup,/dev/vg0'),
    ))
})
