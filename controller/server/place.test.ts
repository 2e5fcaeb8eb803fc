import { describe, expect, it } from 'vitest'
import { findCondition, resourceDefOf, type Server, server as serverKind } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import { Killed, Life } from '../../test/fakes/life.ts'
import { Bench, cloud } from '../testing.ts'
import { reconcileServer } from './reconcile.ts'

const lan = { networks: [{ name: 'lan' }] }
const scheduled = (bench: Bench, name = 'web') => findCondition(bench.status(name).conditions, 'Scheduled')
const types = (bench: Bench): string[] =>
  (bench.status().conditions ?? []).map(({ type, status }) => `${type} ${status}`)

describe('a placement', () => {
  it('is one write, and one for each port; all that the agent needs is in it', async () => {
    await using bench = await cloud('h1')
    const { metadata } = await bench.server('web', lan)
    expect(await bench.reconcile()).toEqual({ kind: 'wait', for: 'the agent of h1', recheckAfter: undefined })
    expect(bench.writes).toEqual(['create ports', 'applyStatus servers'])
    const [port] = bench.ports()
    expect(bench.status()).toMatchObject({
      host: 'h1',
      vmState: 'building',
      observedGeneration: 1,
      instance: {
        uuid: metadata.uid,
        availabilityZone: 'nova',
        flavor: { name: 'tiny', vcpus: 1, ram: 1024, disk: 10 },
        image: { name: 'cirros', namespace: 'demo', url: 'https://example.com/c.img' },
        interfaces: [
          { port: 'lan-10-0-0-2', portId: port?.metadata.uid, fixedIPs: [{ address: '10.0.0.2', prefixLength: 29 }] },
        ],
      },
      addresses: [{ network: 'lan', address: '10.0.0.2', version: 4, macAddress: port?.status?.macAddress }],
    })
    expect(types(bench)).toEqual(['Scheduled True', 'Ready False'])
  })

  it('says nothing a second time, and is not made a second time', async () => {
    await using bench = await cloud('h1', 'h2')
    await bench.server()
    await bench.reconcile()
    const before = bench.read()
    for (let i = 0; i < 3; i++) await bench.reconcile()
    expect(bench.read()).toEqual(before)
    expect(bench.writes).toEqual(['applyStatus servers'])
  })

  it('counts at once: servers in a row do not overcommit, though no cache has shown them yet', async () => {
    await using bench = await cloud()
    await bench.host('h1', { ram: 2048 + 512 })
    for (const name of ['a', 'b', 'c']) await bench.server(name)
    bench.api.pauseWatches()
    for (const name of ['a', 'b', 'c']) await reconcileServer(`demo/${name}`, bench.deps)
    bench.api.resumeWatches()
    await bench.fake.waitForCaches()
    expect(['a', 'b', 'c'].map((name) => bench.status(name).host)).toEqual(['h1', 'h1', undefined])
    expect(bench.services.ledger.usageOf('h1')).toMatchObject({ servers: 2, ram: 2048 })
    expect(bench.services.ledger.pendingCount).toBe(0)
  })

  it('goes where hints say', async () => {
    await using bench = await cloud('h1', 'h2')
    await bench.server('a')
    await bench.reconcile('a')
    const { host } = bench.status('a')
    await bench.server('near', { schedulerHints: { sameHost: ['a'] } })
    await bench.server('far', { schedulerHints: { differentHost: ['a'] } })
    for (const name of ['near', 'far']) await bench.reconcile(name)
    expect(bench.status('near').host).toBe(host)
    expect(bench.status('far').host).not.toBe(host)
  })

  it('says in which zone it is', async () => {
    await using bench = await cloud('h1', 'h2', 'h3')
    await bench.server('web', { availabilityZone: 'nova' })
    await bench.reconcile()
    const { instance } = bench.status()
    expect(instance?.availabilityZone).toBe('nova')
  })
})

describe('no placement', () => {
  it('for want of a host: an error to Nova’s clients, with the reasons; placed when there is one', async () => {
    await using bench = await cloud()
    await bench.server('web', lan)
    expect(await bench.reconcile()).toMatchObject({ kind: 'failed', reason: 'NoValidHost' })
    expect(bench.status()).toMatchObject({ vmState: 'error', fault: { code: 500, details: 'NoValidHost' } })
    expect(types(bench)).toEqual(['Scheduled False', 'Ready False', 'Stalled True'])
    expect(bench.ports()).toEqual([])
    await bench.host('h1')
    await bench.reconcile()
    expect(bench.status()).toMatchObject({ host: 'h1', vmState: 'building' })
    expect(bench.status()).not.toHaveProperty('fault')
    expect(types(bench)).toEqual(['Scheduled True', 'Ready False'])
  })

  it('for want of an object: it waits and says for which', async () => {
    await using bench = await cloud('h1')
    await bench.server('web', { flavor: 'huge' })
    expect(await bench.reconcile()).toMatchObject({ kind: 'failed', reason: 'FlavorNotFound' })
    expect(bench.status()).toMatchObject({ vmState: 'building', taskState: 'scheduling' })
    expect(types(bench)).toEqual(['Scheduled False', 'Ready False', 'Reconciling True'])
    expect(scheduled(bench)?.message).toBe('Flavor huge does not exist; the server waits for it')
    await bench.flavor('huge')
    await bench.reconcile()
    expect(bench.status()).toMatchObject({ host: 'h1' })
    expect(bench.status()).not.toHaveProperty('taskState')
  })

  it('is said once, and anew when its reason or the spec changes', async () => {
    await using bench = await cloud()
    await bench.server('web')
    for (let i = 0; i < 3; i++) await bench.reconcile()
    expect(bench.writes).toHaveLength(1)
    const { created } = bench.status().fault ?? {}
    await bench.host('h1', { disabled: true })
    await bench.clock.advance(5000)
    await bench.reconcile()
    expect(bench.writes).toHaveLength(2)
    expect(bench.status().fault?.created).not.toBe(created)
    await bench.api
      .resource<Server>(resourceDefOf(serverKind))
      .patch({ namespace: 'demo', name: 'web' }, { spec: { displayName: 'x' } })
    await bench.fake.waitForCaches()
    await bench.reconcile()
    expect(bench.status().observedGeneration).toBe(2)
  })

  it('for want of an address: tried again, with nothing claimed, and told when it lasts', async () => {
    await using bench = await cloud('h1')
    await bench.network('full', [{ cidr: '10.9.0.0/30', gateway: '10.9.0.1', dhcp: false }])
    await bench.server('a', { networks: [{ name: 'full' }] })
    await bench.reconcile('a')
    await bench.server('web', { networks: [{ name: 'full' }] })
    const fails = { kind: 'Transient', code: 'NoFreeAddress' }
    await expect(bench.reconcile()).rejects.toMatchObject(fails)
    expect(bench.status()).toEqual({})
    expect(bench.rooms).toBe(1)
    for (let i = 0; i < 2; i++) {
      const { length } = bench.writes
      await expect(reconcileServer('demo/web', bench.deps, 3)).rejects.toMatchObject(fails)
      await bench.fake.waitForCaches()
      expect(bench.status()).toMatchObject({ vmState: 'building', taskState: 'scheduling' })
      expect(scheduled(bench)).toMatchObject({ status: 'False', reason: 'NoFreeAddress' })
      expect(bench.writes.length - length).toBe(i === 0 ? 1 : 0)
    }
    expect(bench.services.ledger.usageOf('h1').servers).toBe(1)
  })
})

describe('a host that refused', () => {
  async function refusedBy(hosts: string[]): Promise<Bench> {
    const bench = await cloud(...hosts)
    await bench.server('web', lan)
    await bench.reconcile()
    return bench
  }
  const refuse = async (bench: Bench): Promise<string> => {
    const host = bench.status().host ?? ''
    const fault = { code: 500, message: 'start: QEMU is broken', details: 'QEMUBroken', created: bench.now() }
    const conditions = [
      {
        type: 'Ready',
        status: 'False' as const,
        reason: 'QEMUBroken',
        message: 'start',
        lastTransitionTime: bench.now(),
      },
      {
        type: 'Stalled',
        status: 'True' as const,
        reason: 'QEMUBroken',
        message: 'start',
        lastTransitionTime: bench.now(),
      },
    ]
    await bench.agentSays({
      vmState: 'error',
      actionRecords: 1,
      observedGeneration: 1,
      domain: { name: 'd' },
      fault,
      conditions,
      hostRejection: { host, reason: fault.message },
    })
    return host
  }

  it('is not asked again; its port and address stay with the server', async () => {
    await using bench = await refusedBy(['h1', 'h2'])
    const [port] = bench.ports()
    const first = await refuse(bench)
    await bench.reconcile()
    expect(bench.status()).toMatchObject({ vmState: 'building', taskState: 'scheduling', actionRecords: 1 })
    expect(bench.status()).not.toHaveProperty('host')
    await bench.reconcile()
    for (const field of ['fault', 'hostRejection', 'domain']) expect(bench.status()).not.toHaveProperty(field)
    await bench.reconcile()
    const second = bench.status().host
    expect(second).not.toBe(first)
    expect(second).toBeDefined()
    expect(bench.status().rejectedHosts).toEqual([{ host: first, reason: 'start: QEMU is broken' }])
    expect(bench.ports()).toEqual([port])
    expect(bench.services.ledger.usageOf(first).servers).toBe(0)
  })

  it('and the last one: an error that names them all; a new spec is a new try', async () => {
    await using bench = await refusedBy(['h1', 'h2'])
    for (let i = 0; i < 2; i++) {
      await refuse(bench)
      for (let n = 0; n < 3; n++) await bench.reconcile()
    }
    expect(bench.status()).toMatchObject({ vmState: 'error', actionRecords: 1 })
    expect(scheduled(bench)?.message).toMatch(/h1 could not build it: start: QEMU is broken.*h2 could not build it/)
    await bench.api
      .resource<Server>(resourceDefOf(serverKind))
      .patch({ namespace: 'demo', name: 'web' }, { spec: { displayName: 'x' } })
    await bench.fake.waitForCaches()
    await bench.reconcile()
    expect(bench.status().host).toBeDefined()
    expect(bench.status()).not.toHaveProperty('rejectedHosts')
  })

  it('then nothing of its fault is left when the next host builds', async () => {
    await using bench = await refusedBy(['h1', 'h2'])
    await refuse(bench)
    for (let n = 0; n < 3; n++) await bench.reconcile()
    // What the next agent says takes the place of what the last one said: they are one manager.
    await bench.agentSays({
      vmState: 'active',
      actionRecords: 2,
      observedGeneration: 1,
      domain: { name: 'd' },
      conditions: [],
    })
    expect(bench.status()).not.toHaveProperty('fault')
    expect(bench.status()).not.toHaveProperty('hostRejection')
    expect(bench.status()).not.toHaveProperty('taskState')
  })
})

describe('two controllers, or one that dies', () => {
  it('of two at once one writes, and the other forgets its claim', async () => {
    await using one = await cloud('h1')
    await using two = await Bench.start(one.api)
    await two.beat('h1')
    await one.server('web')
    await two.fake.waitForCaches()
    one.api.pauseWatches()
    await Promise.all([one, two].map((bench) => reconcileServer('demo/web', bench.deps)))
    one.api.resumeWatches()
    await Promise.all([one.fake.waitForCaches(), two.fake.waitForCaches()])
    for (const { services } of [one, two]) {
      expect(services.ledger.usageOf('h1').servers).toBe(1)
      expect(services.ledger.pendingCount).toBe(0)
    }
  })

  it('a server that changed since it was seen is not written, and not claimed for', async () => {
    await using bench = await cloud('h1')
    await bench.server('web')
    bench.api.pauseWatches()
    const servers = bench.api.resource<Server>(resourceDefOf(serverKind))
    await servers.patch({ namespace: 'demo', name: 'web' }, { metadata: { labels: { a: 'b' } } })
    await reconcileServer('demo/web', bench.deps)
    expect(bench.status()).toEqual({})
    expect(bench.services.ledger.usageOf('h1').servers).toBe(0)
    bench.api.resumeWatches()
  })

  it('a write without an answer leaves its claim, for it may have been done; done again it is the same', async () => {
    for (const when of ['before', 'after'] as const) {
      const life = new Life()
      await using first = await cloud('h1')
      await using bench = await Bench.start(first.api, life)
      await bench.beat('h1')
      await bench.server('web', lan)
      life.fail('applyStatus', new ApiError({ request: 'fake', status: 0 }), { when })
      await expect(bench.reconcile()).rejects.toMatchObject({ status: 0 })
      await bench.fake.waitForCaches()
      expect(bench.services.ledger.usageOf('h1').servers).toBe(1)
      await bench.reconcile()
      expect(bench.status().host).toBe('h1')
      expect(bench.ports()).toHaveLength(1)
    }
  })

  it('a write that is refused leaves no claim', async () => {
    const life = new Life()
    await using first = await cloud('h1')
    await using bench = await Bench.start(first.api, life)
    await bench.beat('h1')
    await bench.server('web', lan)
    life.fail('applyStatus', new ApiError({ request: 'fake', status: 403 }))
    await expect(bench.reconcile()).rejects.toMatchObject({ status: 403 })
    expect(bench.services.ledger.usageOf('h1').servers).toBe(0)
  })

  it('nothing is decided twice while the cache is behind, and no claim is lost by that', async () => {
    await using bench = await cloud('h1')
    await bench.server('web')
    bench.api.pauseWatches()
    await reconcileServer('demo/web', bench.deps)
    expect(bench.status().host).toBe('h1')
    const { length } = bench.writes
    expect(await reconcileServer('demo/web', bench.deps)).toMatchObject({ kind: 'wait' })
    expect(bench.writes).toHaveLength(length)
    expect(bench.services.ledger.usageOf('h1').servers).toBe(1)
    bench.api.resumeWatches()
    await bench.fake.waitForCaches()
    expect(bench.services.ledger.usageOf('h1').servers).toBe(1)
  })

  it('a crash before or after each write ends as without: one host, one port for each interface', async () => {
    const spec = { networks: [{ name: 'lan' }, { name: 'lan' }] }
    for (let at = 0; at < 3; at++)
      for (const when of ['before', 'after'] as const) {
        const life = new Life().killAt(at, when)
        await using first = await cloud('h1')
        await using dying = await Bench.start(first.api, life)
        await dying.beat('h1')
        await first.server('web', spec)
        await dying.fake.waitForCaches()
        await expect(dying.reconcile()).rejects.toThrow(Killed)
        await using next = await Bench.start(first.api)
        await next.beat('h1')
        await next.reconcile()
        expect(next.status().host, `${when} ${at}`).toBe('h1')
        expect(
          next.ports().map(({ metadata }) => metadata.name),
          `${when} ${at}`,
        ).toEqual(['lan-10-0-0-2', 'lan-10-0-0-3'])
        expect(next.status().instance?.interfaces.map(({ port }) => port)).toEqual(['lan-10-0-0-2', 'lan-10-0-0-3'])
      }
  })
})
