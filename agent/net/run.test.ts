import { expect, test } from 'vitest'
import { createRun } from './run.ts'

const run = createRun()

test('gives standard output; takes standard input; no shell reads the arguments', async () => {
  expect(await run(['echo', '$HOME; *'])).toBe('$HOME; *\n')
  expect(await run(['cat'], { input: 'said' })).toBe('said')
  expect(await createRun(['env', 'A=b'])(['printenv', 'A'])).toBe('b\n')
})

test('a failure says what, how and what was on stderr', async () => {
  await expect(run(['ls', '/no/such'])).rejects.toMatchObject({
    kind: 'Transient',
    code: 'CommandFailed',
    message: expect.stringMatching(/^ls \/no\/such ended with status \d: .*\/no\/such/),
    stderr: expect.stringContaining('/no/such'),
  })
})

test('a program that is not there, one that hangs, one that is given up', async () => {
  await expect(run(['no-such-program'])).rejects.toMatchObject({ code: 'CommandMissing' })
  await expect(run(['sleep', '60'], { timeoutMs: 50 })).rejects.toMatchObject({ code: 'CommandTimeout' })
  const reason = new Error('enough')
  const stop = new AbortController()
  const running = run(['sleep', '60'], { signal: stop.signal })
  stop.abort(reason)
  await expect(running).rejects.toBe(reason)
})

test('a program that does not read its input is judged by its status', async () => {
  expect(await run(['true'], { input: 'x'.repeat(1 << 20) })).toBe('')
})
