import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert, constantFrom, property, string, tuple, uint8Array, uniqueArray } from 'fast-check'
import { expect, test, vi } from 'vitest'
import { isoImage } from './iso.ts'

// xorriso does the reading, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 })

/** All files in it as xorriso reads them: by Rock Ridge where it may, by Joliet, or by neither. */
function readBy(how: 'any' | 'norock' | 'ecma119', image: Buffer): Map<string, Uint8Array> {
  const dir = mkdtempSync(join(tmpdir(), 'iso-'))
  try {
    const iso = join(dir, 'image')
    writeFileSync(iso, image)
    const args = ['-abort_on', 'WARNING', '-osirrox', 'on', '-read_fs', how, '-indev', iso]
    execFileSync('xorriso', [...args, '-extract', '/', join(dir, 'out')], { stdio: 'pipe' })
    const found = readdirSync(join(dir, 'out'), { recursive: true, withFileTypes: true }).filter((e) => e.isFile())
    const paths = found.map((entry) => join(entry.parentPath, entry.name))
    return new Map(paths.map((path) => [path.slice(`${dir}/out/`.length), new Uint8Array(readFileSync(path))]))
  } finally {
    execFileSync('chmod', ['-R', 'u+w', dir])
    rmSync(dir, { recursive: true })
  }
}

const sorted = (files: ReadonlyMap<string, Uint8Array>) => [...files].sort(([a], [b]) => (a < b ? -1 : 1))
const text = (content: string): Uint8Array => new Uint8Array(Buffer.from(content))

test('without extensions names are written in the alphabet of ISO 9660', () => {
  const files = new Map([
    ['openstack/2018-08-27/meta_data.json', text('{}')],
    ['openstack/latest/user_data', text('#!/bin/sh\n')],
  ])
  expect(sorted(readBy('ecma119', isoImage('config-2', files)))).toEqual([
    ['OPENSTACK/2018_08_27/META_DATA.JSON', text('{}')],
    ['OPENSTACK/LATEST/USER_DATA', text('#!/bin/sh\n')],
  ])
})

test('equal files are an equal image', () => {
  const make = () => isoImage('config-2', new Map([['a/b', text('c')]]))
  expect(make().equals(make())).toBe(true)
})

test('BusyBox reads 68 KiB before it says what something is', () => {
  expect(isoImage('config-2', new Map()).length).toBeGreaterThan(68 * 1024)
})

test('a name that no record can hold is refused', () => {
  expect(() => isoImage('config-2', new Map([['x'.repeat(200), text('')]]))).toThrow(/too long/)
})

// Joliet's limit is 64 characters; what differs in case only is no matter here.
const name = string({
  unit: constantFrom('a', 'b', 'c', 'x', 'y', 'z', '0', '1', '8', '9', '-', '_'),
  minLength: 1,
  maxLength: 40,
})
const path = tuple(constantFrom('', 'openstack/', 'openstack/latest/', 'openstack/2012-08-10/', 'a/b/c/d/e/'), name)
const file = tuple(
  path.map(([folder, base]) => `${folder}f-${base}.json`),
  uint8Array({ maxLength: 5000 }),
)

test.each(['any', 'norock'] as const)('what is put in comes out, read with %s', (how) => {
  assert(
    property(uniqueArray(file, { selector: ([name]) => name, maxLength: 120, size: 'max' }), (list) => {
      const files = new Map(list)
      expect(sorted(readBy(how, isoImage('config-2', files)))).toEqual(sorted(files))
    }),
    { numRuns: 15 },
  )
})
