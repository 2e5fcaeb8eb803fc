import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert, constantFrom, property, string, tuple, uint8Array, uniqueArray } from 'fast-check'
import { expect, test, vi } from 'vitest'
import { buildIsoImage } from './iso-image.ts'

vi.setConfig({ testTimeout: 120_000 })

/** The kinds of names are Rock Ridge (any), Joliet (norock) and plain ISO 9660 (ecma119). */
function readWithXorriso(names: 'any' | 'norock' | 'ecma119', image: Buffer): Map<string, Uint8Array> {
  const dir = mkdtempSync(join(tmpdir(), 'iso-'))
  try {
    const iso = join(dir, 'image')
    writeFileSync(iso, image)
    const args = ['-abort_on', 'WARNING', '-osirrox', 'on', '-read_fs', names, '-indev', iso]
    execFileSync('xorriso', [...args, '-extract', '/', join(dir, 'out')], { stdio: 'pipe' })
    const found = readdirSync(join(dir, 'out'), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    )
    const paths = found.map((entry) => join(entry.parentPath, entry.name))
    return new Map(paths.map((path) => [path.slice(`${dir}/out/`.length), new Uint8Array(readFileSync(path))]))
  } finally {
    execFileSync('chmod', ['-R', 'u+w', dir])
    rmSync(dir, { recursive: true })
  }
}

const sorted = (files: ReadonlyMap<string, Uint8Array>) => [...files].sort(([a], [b]) => (a < b ? -1 : 1))
const text = (content: string): Uint8Array => new Uint8Array(Buffer.from(content))

test('buildIsoImage writes names in the alphabet of ISO 9660 for readers without extensions', () => {
  const files = new Map([
    ['openstack/2018-08-27/meta_data.json', text('{}')],
    ['openstack/latest/user_data', text('#!/bin/sh\n')],
  ])
  expect(sorted(readWithXorriso('ecma119', buildIsoImage('config-2', files)))).toEqual([
    ['OPENSTACK/2018_08_27/META_DATA.JSON', text('{}')],
    ['OPENSTACK/LATEST/USER_DATA', text('#!/bin/sh\n')],
  ])
})

test('buildIsoImage gives an equal image for equal files', () => {
  const build = () => buildIsoImage('config-2', new Map([['a/b', text('c')]]))
  expect(build().equals(build())).toBe(true)
})

test('buildIsoImage gives more than the 68 KiB that BusyBox probes', () => {
  expect(buildIsoImage('config-2', new Map()).length).toBeGreaterThan(68 * 1024)
})

test('buildIsoImage throws for a name that is too long for a record', () => {
  expect(() => buildIsoImage('config-2', new Map([['x'.repeat(200), text('')]]))).toThrow(/too long/)
})

// Joliet limits names to 64 characters.
const anyName = string({
  unit: constantFrom('a', 'b', 'c', 'x', 'y', 'z', '0', '1', '8', '9', '-', '_'),
  minLength: 1,
  maxLength: 40,
})
const anyPath = tuple(
  constantFrom('', 'openstack/', 'openstack/latest/', 'openstack/2012-08-10/', 'a/b/c/d/e/'),
  anyName,
)
const anyFile = tuple(
  anyPath.map(([folder, base]) => `${folder}f-${base}.json`),
  uint8Array({ maxLength: 5000 }),
)

test.each(['any', 'norock'] as const)('buildIsoImage keeps all files, read by xorriso with -read_fs %s', (names) => {
  assert(
    property(uniqueArray(anyFile, { selector: ([name]) => name, maxLength: 120, size: 'max' }), (list) => {
      const files = new Map(list)
      expect(sorted(readWithXorriso(names, buildIsoImage('config-2', files)))).toEqual(sorted(files))
    }),
    { numRuns: 15 },
  )
})
