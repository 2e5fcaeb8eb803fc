import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

/** File that gets the termination message. */
const terminationLog = join(mkdtempSync(join(tmpdir(), 'kubenova-process-')), 'termination-log')
afterAll(() => rmSync(dirname(terminationLog), { recursive: true }))

/** Whenever the process prints `up` or `stopping`, it is sent the next of `signals`. */
async function run(body: string, signals: NodeJS.Signals[] = [], drainMs = 60_000) {
  const source = `
    import { runMain } from ${JSON.stringify(`${import.meta.dirname}/process.ts`)}
    import { createLog } from ${JSON.stringify(`${import.meta.dirname}/log.ts`)}
    await runMain(async (signal) => { ${body} }, {
      log: createLog(), drainMs: ${drainMs}, terminationLog: ${JSON.stringify(terminationLog)} })`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', source])
  const lines: string[] = []
  let output = ''
  child.stderr.on('data', (chunk: Buffer) => lines.push(chunk.toString()))
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    if (/(up|stopping)/.test(chunk.toString())) {
      const signal = signals.shift()
      if (signal) child.kill(signal)
    }
  })
  const [code] = (await once(child, 'close')) as [number]
  return { code, output: output + lines.join('') }
}

const UP = `setInterval(() => undefined, 1e6); console.log('up');`
const ABORTED = `await new Promise((resolve) => signal.addEventListener('abort', resolve));`

describe.concurrent('runMain', () => {
  it('exits with 0 when main resolves', async () => {
    expect((await run('')).code).toBe(0)
  })

  it('aborts the signal at SIGTERM and waits for main', async () => {
    const { code, output } = await run(`${UP} ${ABORTED} console.log('drained')`, ['SIGTERM'])
    expect(code).toBe(0)
    expect(output).toContain('drained')
  })

  it('exits with 0 when main rejects with the abort reason', async () => {
    const { code, output } = await run(`${UP} ${ABORTED} signal.throwIfAborted()`, ['SIGINT'])
    expect(code).toBe(0)
    expect(output).toContain('"msg":"stopped"')
  })

  it('exits with 1 when main does not end in time and at a second signal', async () => {
    expect((await run(`${UP} await new Promise(() => undefined)`, ['SIGTERM'], 50)).code).toBe(1)
    expect((await run(`${UP} await new Promise(() => undefined)`, ['SIGTERM', 'SIGTERM'])).code).toBe(1)
  })

  it('exits with 1 and logs the error with all causes when main rejects or a rejection is unhandled', async () => {
    const rejected = await run(`throw new Error('outer', { cause: new Error('inner') })`)
    expect(rejected.code).toBe(1)
    const line = JSON.parse(rejected.output.trim().split('\n').at(-1) ?? '') as {
      err: { message: string; cause: { message: string } }
    }
    expect(line.err).toMatchObject({ message: 'outer', cause: { message: 'inner' } })
    const unhandled = await run(`${UP} void Promise.reject(new Error('nobody')); await new Promise(() => undefined)`)
    expect(unhandled.code).toBe(1)
    expect(unhandled.output).toContain('nobody')
  })
})

it('runMain writes the message of the error into the termination log that kubelet has made, and makes none', async () => {
  await run(`throw new Error('first')`)
  expect(existsSync(terminationLog)).toBe(false)
  writeFileSync(terminationLog, '')
  await run(`throw new Error('the disk is full', { cause: new Error('ENOSPC') })`)
  expect(readFileSync(terminationLog, 'utf8')).toBe('the disk is full')
})
