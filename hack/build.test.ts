import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { build } from './build.ts'

const run = promisify(execFile)
let dir: string

// Nothing lies beside it: no package.json, no packages.
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kubenova-build-'))
  await build(dir)
}, 120_000)

afterAll(() => rmSync(dir, { recursive: true, force: true }))

it.each([
  ['controller', '--concurrency'],
  ['agent', '--libvirt-uri'],
])('%s runs as built, and says what it takes', async (name, flag) => {
  const { stdout } = await run(process.execPath, [join(dir, `${name}.mjs`), '--help'])
  expect(stdout).toContain(flag)
})

it.each(['controller', 'agent'])('%s refuses what it does not know, and says so', async (name) => {
  const failure = run(process.execPath, [join(dir, `${name}.mjs`), '--metrics-adress', ':1'])
  await expect(failure).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('--metrics-adress') })
})

it('has what is seldom loaded: the client that knows all forms of kubeconfigs', async () => {
  const failure = run(process.execPath, [join(dir, 'controller.mjs'), '--kubeconfig', join(dir, 'none')])
  await expect(failure).rejects.toMatchObject({ stdout: expect.stringContaining('ENOENT') })
})

/** As it ends a process says which of Node's own modules it has loaded. */
const TELL = `process.on('exit', () => process.stderr.write(process.moduleLoadList.join('\\n')))`

it.each(['controller', 'agent'])(
  '%s loads nothing of Node that is large and of no use: docs/adr/0016',
  async (name) => {
    const preload = `data:text/javascript,${encodeURIComponent(TELL)}`
    const { stderr } = await run(process.execPath, ['--import', preload, join(dir, `${name}.mjs`), '--help'])
    expect(stderr).toContain('NativeModule https')
    expect(stderr).not.toContain('undici')
  },
)
