import { expect, test } from 'vitest'
import { createProgramRunner } from './run.ts'

const run = createProgramRunner()

test('createProgramRunner passes arguments without a shell, writes standard input and resolves to standard output', async () => {
  expect(await run(['echo', '$HOME; *'])).toBe('$HOME; *\n')
  expect(await run(['cat'], { input: 'said' })).toBe('said')
  expect(await createProgramRunner(['env', 'A=b'])(['printenv', 'A'])).toBe('b\n')
})

test('a program that ends with an error rejects with command, status and stderr', async () => {
  await expect(run(['ls', '/no/such'])).rejects.toMatchObject({
    kind: 'Transient',
    code: 'CommandFailed',
    message: expect.stringMatching(/^ls \/no\/such ended with status \d: .*\/no\/such/),
    stderr: expect.stringContaining('/no/such'),
  })
})

test('a missing program, a program over its time limit and an aborted program reject with their reason', async () => {
  await expect(run(['no-such-program'])).rejects.toMatchObject({ code: 'CommandMissing' })
  await expect(run(['sleep', '60'], { timeoutMs: 50 })).rejects.toMatchObject({ code: 'CommandTimeout' })
  const reason = new Error('enough')
  const stop = new AbortController()
  const running = run(['sleep', '60'], { signal: stop.signal })
  stop.abort(reason)
  await expect(running).rejects.toBe(reason)
})

test('a program that succeeds without reading its input resolves', async () => {
  expect(await run(['true'], { input: 'x'.repeat(1 << 20) })).toBe('')
})
