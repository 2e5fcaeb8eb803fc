import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitUntil } from '../../test/rig/wait-until.ts'
import { lockFile } from './lock-file.ts'

let dir: string

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubenova-lock-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** The kernel lists a process that waits for a lock with an arrow. */
function hasWaiter(path: string): boolean {
  const { ino } = statSync(path)
  return readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .some((line) => line.includes('-> FLOCK') && line.includes(`:${ino} `))
}

describe('lockFile', () => {
  it('waits until the holder gives the lock back', async () => {
    const path = join(dir, 'held')
    const first = await lockFile(path)
    let isHeld = false
    const second = lockFile(path).then((lock) => {
      isHeld = true
      return lock
    })
    await waitUntil(() => isHeld || hasWaiter(path), { what: 'the second lock to be taken or waited for' })
    expect(isHeld).toBe(false)
    await first[Symbol.asyncDispose]()
    await (await second)[Symbol.asyncDispose]()
  })

  it('gets the lock of a process that is killed', async () => {
    const path = join(dir, 'killed')
    const module = pathToFileURL(join(import.meta.dirname, 'lock-file.ts')).href
    const code = `import { lockFile } from '${module}'; await lockFile(process.argv[1]); console.log('locked')`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', code, path])
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await (await lockFile(path))[Symbol.asyncDispose]()
  })

  it('rejects when the file cannot be created', async () => {
    await expect(lockFile(join(dir, 'none/lock'))).rejects.toThrow(
      /^cannot lock .*none\/lock: .*No such file or directory/,
    )
  })
})
