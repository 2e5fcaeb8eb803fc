import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'

it('what a process has said before it is killed has been written, all of it', async () => {
  const source = `
    import { createLog } from ${JSON.stringify(`${import.meta.dirname}/log.ts`)}
    const log = createLog()
    for (let i = 0; i < 50; i++) log.info({ i }, 'said')
    process.kill(process.pid, 'SIGKILL')`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', source])
  const [output, [, signal]] = await Promise.all([text(child.stdout), once(child, 'close')])
  expect(signal).toBe('SIGKILL')
  const said = output.trimEnd().split('\n')
  expect(said.map((line) => (JSON.parse(line) as { i: number }).i)).toEqual(Array.from({ length: 50 }, (_, i) => i))
})
