import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { resourceDefOf, type Server, server as serverKind } from '../crds/index.ts'
import { ApiError } from '../kube/errors.ts'
import { noLog } from '../kube/log.ts'
import { FakeApi } from '../test/fakes/api.ts'
import { Life } from '../test/fakes/life.ts'
import { createOrphanCollector, type OrphanOptions, type Owner, readOwnerFiles, writeOwnerFile } from './orphans.ts'

const GRACE = 60_000
let stateDir = ''
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'orphans-'))
})
afterEach(() => rm(stateDir, { recursive: true, force: true }))

const makeOwner = (uid: string, name = 'web'): Owner => ({ namespace: 'demo', name, uid })

async function hostWith(owners: readonly Owner[], more: { foreign?: string[]; cached?: string[] } = {}) {
  const ownerOfDomain = new Map<string, Owner | undefined>(owners.map((owner) => [owner.uid, owner]))
  for (const uuid of more.foreign ?? []) ownerOfDomain.set(uuid, undefined)
  for (const o of owners) await writeOwnerFile(join(stateDir, 'instances', o.uid), o)
  const removals: string[] = []
  const logged: string[] = []
  const domains: OrphanOptions['domains'] = {
    list: async () => [...ownerOfDomain.keys()].map((uuid) => ({ name: uuid, uuid, id: -1 })),
    ownerOf: async ({ uuid }) => ownerOfDomain.get(uuid),
    of: () => ({
      destroy: async (uuid) => void removals.push(`destroy ${uuid}`),
      undefine: async (uuid) => {
        ownerOfDomain.delete(uuid)
        removals.push(`undefine ${uuid}`)
      },
    }),
  }
  const api = new FakeApi()
  const life = new Life()
  let now = 0
  const options: OrphanOptions = {
    hostName: 'h1',
    listOwners: () => readOwnerFiles(stateDir, noLog),
    servers: api.resource<Server>(resourceDefOf(serverKind), life),
    isCached: (uid) => (more.cached ?? []).includes(uid),
    domains,
    removeFiles: async (uid) => {
      removals.push(`clean ${uid}`)
      await rm(join(stateDir, 'instances', uid), { recursive: true, force: true })
    },
    graceMs: GRACE,
    now: () => now,
    log: { ...noLog, info: (_, message) => void logged.push(message), warn: (_, message) => void logged.push(message) },
  }
  const createServer = async (name: string, host?: string): Promise<string> => {
    const servers = api.resource<Server>(resourceDefOf(serverKind))
    const { metadata } = await servers.create({
      metadata: { namespace: 'demo', name },
      spec: { flavor: 'f', image: { name: 'i' } },
    })
    if (host) await servers.applyStatus({ metadata: { namespace: 'demo', name }, status: { host } })
    return metadata.uid ?? ''
  }
  return {
    collector: createOrphanCollector(options),
    removals,
    logged,
    createServer,
    life,
    advance: (ms: number) => void (now += ms),
  }
}

const U1 = '11111111-1111-4111-8111-111111111111'
const U2 = '22222222-2222-4222-8222-222222222222'
const FIRST = '00000000-0000-4000-8000-000000000001'

describe('sweep', () => {
  it('removes an orphan after its grace period and not before', async () => {
    const { collector, removals, advance } = await hostWith([makeOwner(U1)])
    await collector.sweep()
    advance(GRACE - 1)
    await collector.sweep()
    expect(removals).toEqual([])
    advance(1)
    await collector.sweep()
    expect(removals).toEqual([`destroy ${U1}`, `undefine ${U1}`, `clean ${U1}`])
    expect(await readdir(join(stateDir, 'instances'))).toEqual([])
  })

  it('keeps what belongs to a Server in the cache or, if the cache is behind, in the API server', async () => {
    const { collector, removals, createServer, advance } = await hostWith([makeOwner(U1), makeOwner(FIRST)], {
      cached: [U1],
    })
    await createServer('web', 'h1')
    for (let i = 0; i < 3; i++) {
      await collector.sweep()
      advance(GRACE)
    }
    expect(removals).toEqual([])
  })

  it.each([
    ['is on another host now', 'h2'],
    ['has no host', undefined],
  ])('removes what belongs to a Server that %s', async (_, host) => {
    const { collector, removals, createServer, advance } = await hostWith([makeOwner(FIRST)])
    await createServer('web', host)
    await collector.sweep()
    advance(GRACE)
    await collector.sweep()
    expect(removals).toContain(`undefine ${FIRST}`)
  })

  it('removes what belongs to a Server that was deleted and created again with its name', async () => {
    const { collector, removals, createServer, advance } = await hostWith([makeOwner(U1)])
    await createServer('web', 'h1')
    await collector.sweep()
    advance(GRACE)
    await collector.sweep()
    expect(removals).toContain(`clean ${U1}`)
  })

  it('never touches a foreign domain', async () => {
    const { collector, removals, advance } = await hostWith([], { foreign: [U2] })
    for (let i = 0; i < 2; i++) {
      await collector.sweep()
      advance(GRACE)
    }
    expect(removals).toEqual([])
  })

  it('removes files whose domain is gone', async () => {
    const { collector, removals, advance } = await hostWith([])
    await writeOwnerFile(join(stateDir, 'instances', U1), makeOwner(U1))
    await collector.sweep()
    advance(GRACE)
    await collector.sweep()
    expect(removals).toEqual([`clean ${U1}`])
  })

  it('removes nothing while the API server does not answer', async () => {
    const { collector, removals, life, advance } = await hostWith([makeOwner(U1)])
    await collector.sweep()
    advance(GRACE)
    life.fail('get servers', new ApiError({ request: 'fake', status: 503 }))
    await expect(collector.sweep()).rejects.toMatchObject({ errors: [{ status: 503 }] })
    expect(removals).toEqual([])
  })

  it('removes the other orphans when one cannot be checked', async () => {
    const { collector, removals, life, advance } = await hostWith([makeOwner(U1), makeOwner(U2)])
    await collector.sweep()
    advance(GRACE)
    life.fail('get servers', new ApiError({ request: 'fake', status: 503 }))
    await expect(collector.sweep()).rejects.toThrow('1 orphans stay until the next sweep')
    expect(removals).toContain(`clean ${U2}`)
    await collector.sweep()
    expect(removals).toContain(`clean ${U1}`)
  })

  it('starts the grace period anew when the Server existed in between', async () => {
    const { collector, removals, createServer, advance } = await hostWith([makeOwner(FIRST)])
    await collector.sweep()
    advance(GRACE - 1)
    await createServer('web', 'h1')
    await collector.sweep()
    advance(GRACE)
    await collector.sweep()
    expect(removals).toEqual([])
  })

  it('skips directories without a readable owner file', async () => {
    const { collector, removals, advance } = await hostWith([makeOwner(U1)])
    await mkdir(join(stateDir, 'instances', 'stranger'))
    await mkdir(join(stateDir, 'instances', U2))
    await writeFile(join(stateDir, 'instances', U2, 'owner.json'), '{"namespace":"de')
    await collector.sweep()
    advance(GRACE)
    await collector.sweep()
    expect(removals).toContain(`clean ${U1}`)
    expect(await readdir(join(stateDir, 'instances'))).toContain('stranger')
  })

  it('does nothing on a host without domains and directories', async () => {
    const { collector } = await hostWith([])
    await expect(collector.sweep()).resolves.toBeUndefined()
  })
})

it('serversWithDomains returns the owners of all domains that are not foreign', async () => {
  const { collector } = await hostWith([makeOwner(U1), makeOwner(U2)], { foreign: [FIRST] })
  expect(await collector.serversWithDomains()).toEqual(new Set([U1, U2]))
})

describe('collectDeleted', () => {
  it('removes without a grace period', async () => {
    const { collector, removals, logged } = await hostWith([makeOwner(U1)])
    await collector.collectDeleted(makeOwner(U1), U1)
    expect(removals).toEqual([`destroy ${U1}`, `undefine ${U1}`, `clean ${U1}`])
    // A deletion is no orphan, so an operator need not hear of one.
    expect(logged).toEqual([])
  })

  it('keeps a Server that the API server still has on this host', async () => {
    const { collector, removals, createServer } = await hostWith([makeOwner(FIRST)])
    await createServer('web', 'h1')
    await collector.collectDeleted(makeOwner(FIRST), FIRST)
    expect(removals).toEqual([])
  })
})
