import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const run = promisify(execFile)
let dir: string

// What images run: plain JavaScript that tsc emits, beside package.json and the packages.
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kubenova-build-'))
  await run(join(root, 'node_modules/.bin/tsc'), [
    '-p',
    join(root, 'tsconfig.build.json'),
    '--outDir',
    join(dir, 'dist'),
  ])
  cpSync(join(root, 'package.json'), join(dir, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'))
}, 120_000)

afterAll(() => rmSync(dir, { recursive: true, force: true }))

it.each([
  ['controller', '--concurrency'],
  ['agent', '--libvirt-uri'],
])('%s runs as built, and says what it takes', async (name, flag) => {
  const { stdout } = await run(process.execPath, [join(dir, 'dist', name, 'main.js'), '--help'])
  expect(stdout).toContain(flag)
})

it.each(['controller', 'agent'])('%s refuses what it does not know, and says so', async (name) => {
  const failure = run(process.execPath, [join(dir, 'dist', name, 'main.js'), '--metrics-adress', ':1'])
  await expect(failure).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('--metrics-adress') })
})
