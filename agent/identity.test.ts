import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { claimIdentity } from './identity.ts'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'identity-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const mine = { cluster: 'c1', host: 'h1' }
const written = async (at = dir): Promise<unknown> => JSON.parse(await readFile(join(at, 'identity.json'), 'utf8'))

/** As an agent that starts and ends. */
async function once(at: string, identity = mine): Promise<string> {
  await using claimed = await claimIdentity(at, identity)
  return claimed.id
}

describe('claimIdentity', () => {
  it('writes it down at the first start, also into a directory that is not there yet', async () => {
    const deep = join(dir, 'var/lib/kubenova')
    const id = await once(deep)
    expect(await written(deep)).toEqual({ ...mine, id })
    expect((await readdir(deep)).toSorted()).toEqual(['agent.lock', 'identity.json'])
  })

  it('takes the same again, which has the same id; another directory has another', async () => {
    const id = await once(dir)
    expect(await once(dir)).toBe(id)
    expect(await once(join(dir, 'other'))).not.toBe(id)
  })

  it('gives an id to a directory of before there were any', async () => {
    await writeFile(join(dir, 'identity.json'), JSON.stringify(mine))
    const id = await once(dir)
    expect(await written()).toEqual({ ...mine, id })
  })

  it('has the second of two agents wait until the first ends', async () => {
    const first = await claimIdentity(dir, mine)
    let second: string | undefined
    const waiting = once(dir).then((id) => {
      second = id
    })
    const stop = new AbortController()
    const third = claimIdentity(dir, mine, stop.signal)
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
      { ...mine, cluster: 'c2' },
      /belongs to cluster c1, this is c2.*Start the agent with the cluster it had/,
    ],
    ['host', { ...mine, host: 'h2' }, /belongs to host h1, this is h2/],
  ])('refuses another %s, says what to do, and leaves what was written', async (_, other, message) => {
    const id = await once(dir)
    await expect(once(dir, other)).rejects.toMatchObject({
      kind: 'Refused',
      code: 'WrongIdentity',
      message: expect.stringMatching(message),
    })
    expect(await written()).toEqual({ ...mine, id })
  })

  it('takes a crash before the rename for no identity', async () => {
    await writeFile(join(dir, 'identity.json.new'), '{"cluster":"c')
    const id = await once(dir)
    expect(await written()).toEqual({ ...mine, id })
  })

  it('does not start on a file that it cannot read', async () => {
    await writeFile(join(dir, 'identity.json'), 'not JSON')
    await expect(once(dir)).rejects.toThrow()
  })
})
