import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { resourceDefOf, type Server, server as serverKind } from '../crds/index.ts'
import { ApiError } from '../kube/errors.ts'
import { noLog } from '../kube/log.ts'
import { FakeApi } from '../test/fakes/api.ts'
import { Life } from '../test/fakes/life.ts'
import { createLeftovers, type LeftoverOptions, type Owner, ownersIn, writeOwner } from './leftovers.ts'

const GRACE = 60_000
let stateDir = ''
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'leftovers-'))
})
afterEach(() => rm(stateDir, { recursive: true, force: true }))

const owner = (uid: string, name = 'web'): Owner => ({ namespace: 'demo', name, uid })

/** A host with domains of these servers, each also with a directory. */
async function hostWith(owners: readonly Owner[], more: { foreign?: string[]; cached?: string[] } = {}) {
  const marks = new Map<string, Owner | undefined>(owners.map((mark) => [mark.uid, mark]))
  for (const uuid of more.foreign ?? []) marks.set(uuid, undefined)
  for (const o of owners) await writeOwner(join(stateDir, 'instances', o.uid), o)
  const done: string[] = []
  const domains: LeftoverOptions['domains'] = {
    list: async () => [...marks.keys()].map((uuid) => ({ name: uuid, uuid, id: -1 })),
    ownerOf: async ({ uuid }) => marks.get(uuid),
    of: () => ({
      destroy: async (uuid) => void done.push(`destroy ${uuid}`),
      undefine: async (uuid) => {
        marks.delete(uuid)
        done.push(`undefine ${uuid}`)
      },
    }),
  }
  const api = new FakeApi()
  const life = new Life()
  let now = 0
  const options: LeftoverOptions = {
    hostName: 'h1',
    owners: () => ownersIn(stateDir, noLog),
    servers: api.resource<Server>(resourceDefOf(serverKind), life),
    known: (uid) => (more.cached ?? []).includes(uid),
    domains,
    clean: async (uid) => {
      done.push(`clean ${uid}`)
      await rm(join(stateDir, 'instances', uid), { recursive: true, force: true })
    },
    graceMs: GRACE,
    now: () => now,
    log: noLog,
  }
  /** Puts a server into the API and answers its uid. */
  const server = async (name: string, host?: string): Promise<string> => {
    const servers = api.resource<Server>(resourceDefOf(serverKind))
    const { metadata } = await servers.create({
      metadata: { namespace: 'demo', name },
      spec: { flavor: 'f', image: { name: 'i' } },
    })
    if (host) await servers.applyStatus({ metadata: { namespace: 'demo', name }, status: { host } })
    return metadata.uid ?? ''
  }
  return { leftovers: createLeftovers(options), done, server, life, pass: (ms: number) => void (now += ms) }
}

const U1 = '11111111-1111-4111-8111-111111111111'
const U2 = '22222222-2222-4222-8222-222222222222'
/** The first uid that the fake gives. */
const FIRST = '00000000-0000-4000-8000-000000000001'

describe('a sweep', () => {
  it('takes away what belongs to no server, after its time of grace and not before', async () => {
    const { leftovers, done, pass } = await hostWith([owner(U1)])
    await leftovers.sweep()
    pass(GRACE - 1)
    await leftovers.sweep()
    expect(done).toEqual([])
    pass(1)
    await leftovers.sweep()
    expect(done).toEqual([`destroy ${U1}`, `undefine ${U1}`, `clean ${U1}`])
    expect(await readdir(join(stateDir, 'instances'))).toEqual([])
  })

  it('leaves what its servers own: as the cache has it, or, where that is late, as the API server says', async () => {
    const { leftovers, done, server, pass } = await hostWith([owner(U1), owner(FIRST)], { cached: [U1] })
    await server('web', 'h1')
    for (let i = 0; i < 3; i++) {
      await leftovers.sweep()
      pass(GRACE)
    }
    expect(done).toEqual([])
  })

  it.each([
    ['is on another host now', 'h2'],
    ['has no host', undefined],
  ])('takes away what is of a server that %s', async (_, host) => {
    const { leftovers, done, server, pass } = await hostWith([owner(FIRST)])
    await server('web', host)
    await leftovers.sweep()
    pass(GRACE)
    await leftovers.sweep()
    expect(done).toContain(`undefine ${FIRST}`)
  })

  it('takes away what is of a server that was made anew under its name', async () => {
    const { leftovers, done, server, pass } = await hostWith([owner(U1)])
    await server('web', 'h1')
    await leftovers.sweep()
    pass(GRACE)
    await leftovers.sweep()
    expect(done).toContain(`clean ${U1}`)
  })

  it('never touches a domain that is not ours', async () => {
    const { leftovers, done, pass } = await hostWith([], { foreign: [U2] })
    for (let i = 0; i < 2; i++) {
      await leftovers.sweep()
      pass(GRACE)
    }
    expect(done).toEqual([])
  })

  it('finds files whose domain is gone, and cleans them without looking for one', async () => {
    const { leftovers, done, pass } = await hostWith([])
    await writeOwner(join(stateDir, 'instances', U1), owner(U1))
    await leftovers.sweep()
    pass(GRACE)
    await leftovers.sweep()
    expect(done).toEqual([`clean ${U1}`])
  })

  it('takes nothing away while the API server does not answer', async () => {
    const { leftovers, done, life, pass } = await hostWith([owner(U1)])
    await leftovers.sweep()
    pass(GRACE)
    life.fail('get servers', new ApiError({ request: 'fake', status: 503 }))
    await expect(leftovers.sweep()).rejects.toMatchObject({ errors: [{ status: 503 }] })
    expect(done).toEqual([])
  })

  it('goes on after one that cannot be removed', async () => {
    const { leftovers, done, life, pass } = await hostWith([owner(U1), owner(U2)])
    await leftovers.sweep()
    pass(GRACE)
    life.fail('get servers', new ApiError({ request: 'fake', status: 503 }))
    await expect(leftovers.sweep()).rejects.toThrow('1 leftovers stay until the next sweep')
    expect(done).toContain(`clean ${U2}`)
    await leftovers.sweep()
    expect(done).toContain(`clean ${U1}`)
  })

  it('knows whose domains are here, whoever else is', async () => {
    const { leftovers } = await hostWith([owner(U1), owner(U2)], { foreign: [FIRST] })
    expect(await leftovers.present()).toEqual(new Set([U1, U2]))
  })

  it('counts the grace anew when the server was there in between', async () => {
    const { leftovers, done, server, pass } = await hostWith([owner(FIRST)])
    await leftovers.sweep()
    pass(GRACE - 1)
    await server('web', 'h1')
    await leftovers.sweep()
    pass(GRACE)
    await leftovers.sweep()
    expect(done).toEqual([])
  })

  it('is not stopped by a directory whose owner was cut short, or that has none', async () => {
    const { leftovers, done, pass } = await hostWith([owner(U1)])
    await mkdir(join(stateDir, 'instances', 'stranger'))
    await mkdir(join(stateDir, 'instances', U2))
    await writeFile(join(stateDir, 'instances', U2, 'owner.json'), '{"namespace":"de')
    await leftovers.sweep()
    pass(GRACE)
    await leftovers.sweep()
    expect(done).toContain(`clean ${U1}`)
    expect(await readdir(join(stateDir, 'instances'))).toContain('stranger')
  })

  it('finds nothing where nothing was ever made', async () => {
    const { leftovers } = await hostWith([])
    await expect(leftovers.sweep()).resolves.toBeUndefined()
  })
})

describe('a deletion that was seen', () => {
  it('needs no grace', async () => {
    const { leftovers, done } = await hostWith([owner(U1)])
    await leftovers.gone(owner(U1), U1)
    expect(done).toEqual([`destroy ${U1}`, `undefine ${U1}`, `clean ${U1}`])
  })

  it('is asked about: a server that only left the view stays', async () => {
    const { leftovers, done, server } = await hostWith([owner(FIRST)])
    await server('web', 'h1')
    await leftovers.gone(owner(FIRST), FIRST)
    expect(done).toEqual([])
  })
})
