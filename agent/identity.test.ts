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

describe('claimIdentity', () => {
  it('writes it down at the first start, also into a directory that is not there yet', async () => {
    const deep = join(dir, 'var/lib/kubenova')
    await claimIdentity(deep, mine)
    expect(JSON.parse(await readFile(join(deep, 'identity.json'), 'utf8'))).toEqual(mine)
    expect(await readdir(deep)).toEqual(['identity.json'])
  })

  it('takes the same again', async () => {
    await claimIdentity(dir, mine)
    await expect(claimIdentity(dir, mine)).resolves.toBeUndefined()
  })

  it.each([
    [
      'cluster',
      { ...mine, cluster: 'c2' },
      /belongs to cluster c1, this is c2.*Start the agent with the cluster it had/,
    ],
    ['host', { ...mine, host: 'h2' }, /belongs to host h1, this is h2/],
  ])('refuses another %s, says what to do, and leaves what was written', async (_, other, message) => {
    await claimIdentity(dir, mine)
    await expect(claimIdentity(dir, other)).rejects.toMatchObject({
      kind: 'Refused',
      code: 'WrongIdentity',
      message: expect.stringMatching(message),
    })
    expect(JSON.parse(await readFile(join(dir, 'identity.json'), 'utf8'))).toEqual(mine)
  })

  it('takes a crash before the rename for no identity', async () => {
    await writeFile(join(dir, 'identity.json.new'), '{"cluster":"c')
    await claimIdentity(dir, mine)
    expect(JSON.parse(await readFile(join(dir, 'identity.json'), 'utf8'))).toEqual(mine)
  })

  it('does not start on a file that it cannot read', async () => {
    await writeFile(join(dir, 'identity.json'), 'not JSON')
    await expect(claimIdentity(dir, mine)).rejects.toThrow()
  })
})
