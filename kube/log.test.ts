import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'

it('createLog writes every line before the process is killed', async () => {
  const source = `
    import { createLog } from ${JSON.stringify(`${import.meta.dirname}/log.ts`)}
    const log = createLog()
    for (let i = 0; i < 50; i++) log.info({ i }, 'line')
    process.kill(process.pid, 'SIGKILL')`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', source])
  const [output, [, signal]] = await Promise.all([text(child.stdout), once(child, 'close')])
  expect(signal).toBe('SIGKILL')
  const lines = output.trimEnd().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as { i: number }).i)).toEqual(Array.from({ length: 50 }, (_, i) => i))
})
