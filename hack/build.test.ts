import { execFile } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildPrograms } from './build.ts'

const run = promisify(execFile)
let dir: string

// A folder outside the repository has no npm packages, and the programs must run without them.
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kubenova-build-'))
  await buildPrograms(dir)
}, 120_000)

afterAll(() => rmSync(dir, { recursive: true, force: true }))

it.each([
  ['controller', '--concurrency'],
  ['agent', '--libvirt-uri'],
  ['api-shim', '--public-url'],
])('buildPrograms builds the program %s, which prints its options', async (name, flag) => {
  const { stdout } = await run(process.execPath, [join(dir, `${name}.mjs`), '--help'])
  expect(stdout).toContain(flag)
})

it.each(['controller', 'agent', 'api-shim'])(
  'buildPrograms builds the program %s, which rejects an unknown option',
  async (name) => {
    const failure = run(process.execPath, [join(dir, `${name}.mjs`), '--metrics-adress', ':1'])
    await expect(failure).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('--metrics-adress') })
  },
)

it('buildPrograms builds the program hooks, which prints its usage when it is called without the name of a hook', async () => {
  const failure = run(process.execPath, [join(dir, 'hooks.mjs')])
  await expect(failure).rejects.toMatchObject({ code: 2, stderr: 'usage: hooks.mjs uninstall-guard | boot-server\n' })
})

it('buildPrograms builds no part that imports a program', () => {
  const parts = globSync('parts/**/*.mjs', { cwd: dir })
  const importing = parts.filter((part) =>
    /^import .*\/(agent|api-shim|controller|hooks)\.mjs"/m.test(readFileSync(join(dir, part), 'utf8')),
  )
  expect(importing).toEqual([])
  expect(parts.length).toBeGreaterThan(4)
})

it('buildPrograms includes the rarely loaded client for kubeconfigs', async () => {
  const failure = run(process.execPath, [join(dir, 'controller.mjs'), '--kubeconfig', join(dir, 'none')])
  await expect(failure).rejects.toMatchObject({ stdout: expect.stringContaining('ENOENT') })
})

const PRINT_MODULES = `process.on('exit', () => process.stderr.write(process.moduleLoadList.join('\\n')))`

it.each(['controller', 'agent', 'api-shim'])(
  'buildPrograms builds the program %s, which does not load undici (docs/adr/0016)',
  async (name) => {
    const preload = `data:text/javascript,${encodeURIComponent(PRINT_MODULES)}`
    const { stderr } = await run(process.execPath, ['--import', preload, join(dir, `${name}.mjs`), '--help'])
    expect(stderr).toContain('NativeModule https')
    expect(stderr).not.toContain('undici')
  },
)
