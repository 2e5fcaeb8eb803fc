import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fillContext, hashContext } from './context.ts'
import { ownArchitecture } from './names.ts'

let dir: string

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubenova-context-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

describe('fillContext', () => {
  it.each([
    ['agent', ['agent']],
    ['controller', ['api-shim', 'controller', 'hooks']],
  ] as const)('copies only what the image of the %s runs', async (name, programs) => {
    const folder = mkdtempSync(join(dir, `${name}-`))
    await fillContext(folder, name, ownArchitecture())
    const cwd = join(folder, 'dist')
    expect(globSync('*.mjs', { cwd }).toSorted()).toEqual(programs.map((program) => `${program}.mjs`))
    expect([...new Set(globSync('*/*/*.mjs', { cwd }).map(dirname))].toSorted()).toEqual(
      programs.map((program) => `parts/${program}`),
    )
    expect(globSync('*', { cwd: folder }).toSorted()).toEqual(['Containerfile', 'dist', 'node'])
  })

  it('writes the same files again from the same source', async () => {
    const folders = [mkdtempSync(join(dir, 'first-')), mkdtempSync(join(dir, 'second-'))]
    for (const folder of folders) await fillContext(folder, 'agent', ownArchitecture())
    const [first, second] = folders.map(hashContext)
    expect(first).toBe(second)
  })
})

describe('hashContext', () => {
  it('differs when the content or the name of a file differs', () => {
    const hashes = [
      { a: '1', b: '2' },
      { a: '1', b: '3' },
      { a: '1', c: '2' },
    ].map((files) => {
      const folder = mkdtempSync(join(dir, 'hash-'))
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
      return hashContext(folder)
    })
    expect(new Set(hashes).size).toBe(3)
  })
})
