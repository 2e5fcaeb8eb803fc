import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lockStateDirectory } from './identity.ts'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'identity-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const identity = { cluster: 'c1', host: 'h1' }
const readRecord = async (at = dir): Promise<unknown> => JSON.parse(await readFile(join(at, 'identity.json'), 'utf8'))

async function lockOnce(at: string, own = identity): Promise<string> {
  await using lock = await lockStateDirectory(at, own)
  return lock.id
}

describe('lockStateDirectory', () => {
  it('records the identity at the first start and creates the directory', async () => {
    const deep = join(dir, 'var/lib/kubenova')
    const id = await lockOnce(deep)
    expect(await readRecord(deep)).toEqual({ ...identity, id })
    expect((await readdir(deep)).toSorted()).toEqual(['agent.lock', 'identity.json'])
  })

  it('accepts the same identity again and keeps the id of each directory', async () => {
    const id = await lockOnce(dir)
    expect(await lockOnce(dir)).toBe(id)
    expect(await lockOnce(join(dir, 'other'))).not.toBe(id)
  })

  it('adds an id to an identity.json without one', async () => {
    await writeFile(join(dir, 'identity.json'), JSON.stringify(identity))
    const id = await lockOnce(dir)
    expect(await readRecord()).toEqual({ ...identity, id })
  })

  it('lets a second agent wait until the first ends', async () => {
    const first = await lockStateDirectory(dir, identity)
    let second: string | undefined
    const waiting = lockOnce(dir).then((id) => {
      second = id
    })
    const stop = new AbortController()
    const third = lockStateDirectory(dir, identity, stop.signal)
    stop.abort(new Error('told to stop'))
    await expect(third).rejects.toThrow('told to stop')
    expect(second).toBeUndefined()
    await first[Symbol.asyncDispose]()
    await waiting
    expect(second).toBe(first.id)
  })

  it.each([
    [
      'cluster',
      { ...identity, cluster: 'c2' },
      /belongs to cluster c1, this is c2.*Start the agent with the cluster it had/,
    ],
    ['host', { ...identity, host: 'h2' }, /belongs to host h1, this is h2/],
  ])('refuses another %s, says what to do, and keeps the record', async (_, other, message) => {
    const id = await lockOnce(dir)
    await expect(lockOnce(dir, other)).rejects.toMatchObject({
      kind: 'Refused',
      code: 'WrongStateDirectory',
      message: expect.stringMatching(message),
    })
    expect(await readRecord()).toEqual({ ...identity, id })
  })

  it('ignores a record that a crash left unfinished', async () => {
    await writeFile(join(dir, 'identity.json.new'), '{"cluster":"c')
    const id = await lockOnce(dir)
    expect(await readRecord()).toEqual({ ...identity, id })
  })

  it('throws when identity.json cannot be parsed', async () => {
    await writeFile(join(dir, 'identity.json'), 'not JSON')
    await expect(lockOnce(dir)).rejects.toThrow(/JSON/)
  })
})
