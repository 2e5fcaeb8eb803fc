import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, test, vi } from 'vitest'
import { lockFile } from '../files/lock-file.ts'
import { downloadKey } from './image-cache.ts'
import { withImageCache } from './testing/image-cache.ts'
import type { Behaviour } from './testing/server.ts'

vi.setConfig({ testTimeout: 60_000 })

const fixture = withImageCache()

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'close')
}

describe('ensure in a new process, after a kill', () => {
  test('during the download, continues at the last byte', async () => {
    const f = fixture()
    f.server.setBehaviour(() => ({ body: f.body, cutAfter: 200_000, chunked: true }))
    const first = f.spawnFetch('a')
    for await (const line of createInterface(first.stdout!)) if (line === 'bytes 200000') break
    await kill(first)
    f.server.setBehaviour(() => ({ body: f.body }))
    const base = await (await f.open()).ensure(f.image(), 'b', f.fetchContext())
    expect(f.server.requests.at(-1)?.range).toBe('bytes=200000-')
    expect(f.hasContent(base)).toBe(true)
    expect(f.list('work')).toEqual([])
  })

  const states: [string, (work: string) => void, requests: number][] = [
    [
      'between the download and its rename, downloads again',
      (work) => renameSync(join(work, 'source'), join(work, 'source.part')),
      1,
    ],
    ['after the download, uses it', () => undefined, 0],
    [
      'during the conversion, converts again',
      (work) => (mkdirSync(join(work, 'base')), writeFileSync(join(work, 'base/disk'), 'half')),
      0,
    ],
    [
      'between the disk and its record, uses the disk',
      (work) => (mkdirSync(join(work, 'base')), renameSync(join(work, 'source'), join(work, 'base/disk'))),
      0,
    ],
    [
      'while the record is written, uses the disk',
      (work) => (
        mkdirSync(join(work, 'base')),
        renameSync(join(work, 'source'), join(work, 'base/disk')),
        writeFileSync(join(work, 'base/record.json'), '{"half')
      ),
      0,
    ],
  ]
  test.each(states)('%s', async (_, arrange, requests) => {
    const f = fixture()
    const work = join(f.cacheDir, 'work', downloadKey(f.image()))
    mkdirSync(work, { recursive: true })
    writeFileSync(join(work, 'source'), f.body)
    arrange(work)
    const base = await (await f.open()).ensure(f.image(), 'b', f.fetchContext())
    expect(f.hasContent(base)).toBe(true)
    expect(f.server.requests).toHaveLength(requests)
    expect(f.list('work')).toEqual([])
  })
})

test('lockFile gets the lock when its holder is killed, and not before', async () => {
  const f = fixture()
  const { promise: gate } = Promise.withResolvers<void>()
  const request = Promise.withResolvers<void>()
  f.server.setBehaviour((): Behaviour => (request.resolve(), { body: f.body, gate }))
  const holder = f.spawnFetch('a')
  await request.promise
  const path = join(f.cacheDir, 'locks', downloadKey(f.image()))
  await expect(lockFile(path, AbortSignal.timeout(50))).rejects.toThrow(/timeout/i)
  await kill(holder)
  const lock = await lockFile(path, AbortSignal.timeout(10_000))
  await expect(lock[Symbol.asyncDispose]()).resolves.toBeUndefined()
})

test('lockFile rejects with the words of flock when it cannot create the file', async () => {
  await expect(lockFile('/proc/none/lock')).rejects.toMatchObject({
    code: 'LockFailed',
    message: 'cannot lock /proc/none/lock: flock: cannot open lock file /proc/none/lock: No such file or directory',
  })
})
