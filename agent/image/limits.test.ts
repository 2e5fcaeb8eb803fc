import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { type Limits, runLimited } from './limits.ts'

// Other programs do the work here, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 })

const GiB = 1024 ** 3
const limits = (more: Partial<Limits> = {}): Limits => ({
  cpuSeconds: 10,
  addressSpace: GiB,
  fileSize: 1024,
  timeout: 30_000,
  ...more,
})
const sh = (script: string, more: Partial<Limits> = {}, signal?: AbortSignal) =>
  runLimited('bash', ['-c', script], limits(more), signal)

test('what it says', async () => {
  expect(await sh('echo out; echo err >&2; exit 3')).toMatchObject({
    code: 3,
    stdout: 'out\n',
    stderr: 'err',
    timedOut: false,
  })
})
test('CPU', async () => expect(await sh('while :; do :; done', { cpuSeconds: 1 })).toMatchObject({ signal: 'SIGXCPU' }))
test('time', async () =>
  expect(await sh('sleep 60 & wait', { timeout: 100 })).toMatchObject({ timedOut: true, signal: 'SIGKILL' }))
test('memory', async () =>
  expect(
    (await sh('x=$(head -c 300000000 /dev/zero | tr "\\0" x); echo ${#x}', { addressSpace: GiB / 8 })).stdout,
  ).not.toContain('300000000'))
test('file size', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'limits-'))
  await sh(`head -c 5000 /dev/zero >${dir}/f`)
  expect(statSync(join(dir, 'f')).size).toBeLessThanOrEqual(1024)
  rmSync(dir, { recursive: true })
})
test('no network, not even loopback', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  expect((await sh(`echo > /dev/tcp/127.0.0.1/${port}`)).code).not.toBe(0)
  server.close()
})
test('no environment of ours', async () => {
  process.env['SECRET_OF_THE_AGENT'] = 'x'
  expect((await sh('env')).stdout).not.toContain('SECRET_OF_THE_AGENT')
})
test('aborted: throws the reason', async () => {
  const controller = new AbortController()
  const run = sh('sleep 60 & wait', {}, controller.signal)
  controller.abort(new Error('enough'))
  await expect(run).rejects.toThrow('enough')
})
test('no such program', async () => {
  expect(await runLimited('no-such-program', [], limits())).toMatchObject({ code: 127 })
})
