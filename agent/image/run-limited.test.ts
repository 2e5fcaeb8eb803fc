import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { GIB } from '../files/sizes.ts'
import { type ProcessLimits, runLimited } from './run-limited.ts'

vi.setConfig({ testTimeout: 60_000 })

const makeLimits = (overrides: Partial<ProcessLimits> = {}): ProcessLimits => ({
  cpuSeconds: 10,
  addressSpace: GIB,
  fileSize: 1024,
  timeout: 30_000,
  ...overrides,
})
const runScript = (script: string, overrides: Partial<ProcessLimits> = {}, signal?: AbortSignal) =>
  runLimited('bash', ['-c', script], makeLimits(overrides), signal)

test('runLimited returns exit code and output', async () => {
  expect(await runScript('echo out; echo err >&2; exit 3')).toMatchObject({
    code: 3,
    stdout: 'out\n',
    stderr: 'err',
    timedOut: false,
  })
})
test('runLimited ends a program with SIGXCPU at its limit on CPU time', async () =>
  expect(await runScript('while :; do :; done', { cpuSeconds: 1 })).toMatchObject({ signal: 'SIGXCPU' }))
test('runLimited kills a program and its children at the timeout', async () =>
  expect(await runScript('sleep 60 & wait', { timeout: 100 })).toMatchObject({ timedOut: true, signal: 'SIGKILL' }))
test('runLimited limits memory', async () =>
  expect(
    (await runScript('x=$(head -c 300000000 /dev/zero | tr "\\0" x); echo ${#x}', { addressSpace: GIB / 8 })).stdout,
  ).not.toContain('300000000'))
test('runLimited limits the size of files', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'limits-'))
  await runScript(`head -c 5000 /dev/zero >${dir}/f`)
  expect(statSync(join(dir, 'f')).size).toBeLessThanOrEqual(1024)
  rmSync(dir, { recursive: true })
})
test('runLimited gives no network, not even loopback', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  expect((await runScript(`echo > /dev/tcp/127.0.0.1/${port}`)).code).not.toBe(0)
  server.close()
})
test('runLimited passes no environment variables of the agent', async () => {
  process.env['SECRET_OF_THE_AGENT'] = 'x'
  expect((await runScript('env')).stdout).not.toContain('SECRET_OF_THE_AGENT')
})
test('runLimited throws the reason of an abort', async () => {
  const controller = new AbortController()
  const run = runScript('sleep 60 & wait', {}, controller.signal)
  controller.abort(new Error('enough'))
  await expect(run).rejects.toThrow('enough')
})
test('runLimited returns 127 for a program that does not exist', async () => {
  expect(await runLimited('no-such-program', [], makeLimits())).toMatchObject({ code: 127 })
})
