import { describe, expect, it } from 'vitest'
import { findCondition, resourceDefOf, type Server, server as serverKind } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import { Killed, Life } from '../../test/fakes/life.ts'
import { Bench, startCloud } from '../testing.ts'
import { reconcileServer } from './reconcile.ts'

const lan = { networks: [{ name: 'lan' }] }
const scheduledOf = (bench: Bench, name = 'web') => findCondition(bench.statusOf(name).conditions, 'Scheduled')
const conditionsOf = (bench: Bench): string[] =>
  (bench.statusOf().conditions ?? []).map(({ type, status }) => `${type} ${status}`)

describe('placeServer', () => {
  it('writes everything that the agent needs in one write, after one for each port', async () => {
    await using bench = await startCloud('h1')
    const { metadata } = await bench.createServer('web', lan)
    expect(await bench.reconcile()).toEqual({ kind: 'wait', for: 'the agent of h1', recheckAfter: undefined })
    expect(bench.writes).toEqual(['create ports', 'applyStatus servers'])
    const [port] = bench.listPorts()
    expect(bench.statusOf()).toMatchObject({
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
    expect(conditionsOf(bench)).toEqual(['Scheduled True', 'Ready False'])
  })

  it('writes nothing for a server that is placed already', async () => {
    await using bench = await startCloud('h1', 'h2')
    await bench.createServer()
    await bench.reconcile()
    const before = bench.getServer()
    for (let i = 0; i < 3; i++) await bench.reconcile()
    expect(bench.getServer()).toEqual(before)
    expect(bench.writes).toEqual(['applyStatus servers'])
  })

  it('does not overcommit a host by placements that the cache does not show yet', async () => {
    await using bench = await startCloud()
    await bench.createHost('h1', { ram: 2048 + 512 })
    for (const name of ['a', 'b', 'c']) await bench.createServer(name)
    bench.api.pauseWatches()
    for (const name of ['a', 'b', 'c']) await reconcileServer(`demo/${name}`, bench.deps)
    bench.api.resumeWatches()
    await bench.fake.waitForCaches()
    expect(['a', 'b', 'c'].map((name) => bench.statusOf(name).host)).toEqual(['h1', 'h1', undefined])
    expect(bench.services.ledger.usageOf('h1')).toMatchObject({ servers: 2, ram: 2048 })
    expect(bench.services.ledger.pendingCount).toBe(0)
  })

  it('follows the hints sameHost and differentHost', async () => {
    await using bench = await startCloud('h1', 'h2')
    await bench.createServer('a')
    await bench.reconcile('a')
    const { host } = bench.statusOf('a')
    await bench.createServer('near', { schedulerHints: { sameHost: ['a'] } })
    await bench.createServer('far', { schedulerHints: { differentHost: ['a'] } })
    for (const name of ['near', 'far']) await bench.reconcile(name)
    expect(bench.statusOf('near').host).toBe(host)
    expect(bench.statusOf('far').host).not.toBe(host)
  })

  it('writes the availability zone into the instance', async () => {
    await using bench = await startCloud('h1', 'h2', 'h3')
    await bench.createServer('web', { availabilityZone: 'nova' })
    await bench.reconcile()
    const { instance } = bench.statusOf()
    expect(instance?.availabilityZone).toBe('nova')
  })
})

describe('placeServer without a placement', () => {
  it('reports vmState error when there is no host, and places the server when there is one', async () => {
    await using bench = await startCloud()
    await bench.createServer('web', lan)
    expect(await bench.reconcile()).toMatchObject({ kind: 'failed', reason: 'NoValidHost' })
    expect(bench.statusOf()).toMatchObject({ vmState: 'error', fault: { code: 500, details: 'NoValidHost' } })
    expect(conditionsOf(bench)).toEqual(['Scheduled False', 'Ready False', 'Stalled True'])
    expect(bench.listPorts()).toEqual([])
    await bench.createHost('h1')
    await bench.reconcile()
    expect(bench.statusOf()).toMatchObject({ host: 'h1', vmState: 'building' })
    expect(bench.statusOf()).not.toHaveProperty('fault')
    expect(conditionsOf(bench)).toEqual(['Scheduled True', 'Ready False'])
  })

  it('names the missing object that the server waits for', async () => {
    await using bench = await startCloud('h1')
    await bench.createServer('web', { flavor: 'huge' })
    expect(await bench.reconcile()).toMatchObject({ kind: 'failed', reason: 'FlavorNotFound' })
    expect(bench.statusOf()).toMatchObject({ vmState: 'building', taskState: 'scheduling' })
    expect(conditionsOf(bench)).toEqual(['Scheduled False', 'Ready False', 'Reconciling True'])
    expect(scheduledOf(bench)?.message).toBe('Flavor huge does not exist; the server waits for it')
    await bench.createFlavor('huge')
    await bench.reconcile()
    expect(bench.statusOf()).toMatchObject({ host: 'h1' })
    expect(bench.statusOf()).not.toHaveProperty('taskState')
  })

  it('reports once why no host was found, and again when the reason or the spec changes', async () => {
    await using bench = await startCloud()
    await bench.createServer('web')
    for (let i = 0; i < 3; i++) await bench.reconcile()
    expect(bench.writes).toHaveLength(1)
    const { created } = bench.statusOf().fault ?? {}
    await bench.createHost('h1', { disabled: true })
    await bench.clock.advance(5000)
    await bench.reconcile()
    expect(bench.writes).toHaveLength(2)
    expect(bench.statusOf().fault?.created).not.toBe(created)
    await bench.api
      .resource<Server>(resourceDefOf(serverKind))
      .patch({ namespace: 'demo', name: 'web' }, { spec: { displayName: 'x' } })
    await bench.fake.waitForCaches()
    await bench.reconcile()
    expect(bench.statusOf().observedGeneration).toBe(2)
  })

  it('retries without a claim when no address is free, and reports that from the third attempt on', async () => {
    await using bench = await startCloud('h1')
    await bench.createNetwork('full', [{ cidr: '10.9.0.0/30', gateway: '10.9.0.1', dhcp: false }])
    await bench.createServer('a', { networks: [{ name: 'full' }] })
    await bench.reconcile('a')
    await bench.createServer('web', { networks: [{ name: 'full' }] })
    const fails = { kind: 'Transient', code: 'NoFreeAddress' }
    await expect(bench.reconcile()).rejects.toMatchObject(fails)
    expect(bench.statusOf()).toEqual({ observedGeneration: -1 })
    expect(bench.droppedClaims).toBe(1)
    for (let i = 0; i < 2; i++) {
      const { length } = bench.writes
      await expect(reconcileServer('demo/web', bench.deps, 3)).rejects.toMatchObject(fails)
      await bench.fake.waitForCaches()
      expect(bench.statusOf()).toMatchObject({ vmState: 'building', taskState: 'scheduling' })
      expect(scheduledOf(bench)).toMatchObject({ status: 'False', reason: 'NoFreeAddress' })
      expect(bench.writes.length - length).toBe(i === 0 ? 1 : 0)
    }
    expect(bench.services.ledger.usageOf('h1').servers).toBe(1)
  })
})

describe('placeServer after a host rejected the server', () => {
  async function placeOnOneOf(hosts: string[]): Promise<Bench> {
    const bench = await startCloud(...hosts)
    await bench.createServer('web', lan)
    await bench.reconcile()
    return bench
  }
  const rejectByHost = async (bench: Bench): Promise<string> => {
    const host = bench.statusOf().host ?? ''
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
    await bench.reportAsAgent({
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

  it('chooses another host, and keeps the port and the address', async () => {
    await using bench = await placeOnOneOf(['h1', 'h2'])
    const [port] = bench.listPorts()
    const first = await rejectByHost(bench)
    await bench.reconcile()
    expect(bench.statusOf()).toMatchObject({ vmState: 'building', taskState: 'scheduling', actionRecords: 1 })
    expect(bench.statusOf()).not.toHaveProperty('host')
    await bench.reconcile()
    for (const field of ['fault', 'hostRejection', 'domain']) expect(bench.statusOf()).not.toHaveProperty(field)
    await bench.reconcile()
    const second = bench.statusOf().host
    expect(second).not.toBe(first)
    expect(second).toBeDefined()
    expect(bench.statusOf().rejectedHosts).toEqual([{ host: first, reason: 'start: QEMU is broken' }])
    expect(bench.listPorts()).toEqual([port])
    expect(bench.services.ledger.usageOf(first).servers).toBe(0)
  })

  it('reports all rejections when no host is left, and tries all hosts again for a new spec', async () => {
    await using bench = await placeOnOneOf(['h1', 'h2'])
    for (let i = 0; i < 2; i++) {
      await rejectByHost(bench)
      for (let n = 0; n < 3; n++) await bench.reconcile()
    }
    expect(bench.statusOf()).toMatchObject({ vmState: 'error', actionRecords: 1 })
    expect(scheduledOf(bench)?.message).toMatch(/h1 could not build it: start: QEMU is broken.*h2 could not build it/)
    await bench.api
      .resource<Server>(resourceDefOf(serverKind))
      .patch({ namespace: 'demo', name: 'web' }, { spec: { displayName: 'x' } })
    await bench.fake.waitForCaches()
    await bench.reconcile()
    expect(bench.statusOf().host).toBeDefined()
    expect(bench.statusOf()).not.toHaveProperty('rejectedHosts')
  })

  it('leaves no fault of the first host when the next one has built the server', async () => {
    await using bench = await placeOnOneOf(['h1', 'h2'])
    await rejectByHost(bench)
    for (let n = 0; n < 3; n++) await bench.reconcile()
    await bench.reportAsAgent({
      vmState: 'active',
      actionRecords: 2,
      observedGeneration: 1,
      domain: { name: 'd' },
      conditions: [],
    })
    expect(bench.statusOf()).not.toHaveProperty('fault')
    expect(bench.statusOf()).not.toHaveProperty('hostRejection')
    expect(bench.statusOf()).not.toHaveProperty('taskState')
  })
})

describe('placeServer with interrupted or concurrent writes', () => {
  it('lets only one of two controllers write, and drops the claim of the other', async () => {
    await using one = await startCloud('h1')
    await using two = await Bench.start(one.api)
    await two.renewLease('h1')
    await one.createServer('web')
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

  it('writes and claims nothing when the server has changed since it was read', async () => {
    await using bench = await startCloud('h1')
    await bench.createServer('web')
    bench.api.pauseWatches()
    const servers = bench.api.resource<Server>(resourceDefOf(serverKind))
    await servers.patch({ namespace: 'demo', name: 'web' }, { metadata: { labels: { a: 'b' } } })
    await reconcileServer('demo/web', bench.deps)
    expect(bench.statusOf()).toEqual({ observedGeneration: -1 })
    expect(bench.services.ledger.usageOf('h1').servers).toBe(0)
    bench.api.resumeWatches()
  })

  it('keeps the claim after a write without an answer, and retries with the same result', async () => {
    for (const when of ['before', 'after'] as const) {
      const life = new Life()
      await using first = await startCloud('h1')
      await using bench = await Bench.start(first.api, life)
      await bench.renewLease('h1')
      await bench.createServer('web', lan)
      life.fail('applyStatus', new ApiError({ request: 'fake', status: 0 }), { when })
      await expect(bench.reconcile()).rejects.toMatchObject({ status: 0 })
      await bench.fake.waitForCaches()
      expect(bench.services.ledger.usageOf('h1').servers).toBe(1)
      await bench.reconcile()
      expect(bench.statusOf().host).toBe('h1')
      expect(bench.listPorts()).toHaveLength(1)
    }
  })

  it('drops the claim when the API server rejects the write', async () => {
    const life = new Life()
    await using first = await startCloud('h1')
    await using bench = await Bench.start(first.api, life)
    await bench.renewLease('h1')
    await bench.createServer('web', lan)
    life.fail('applyStatus', new ApiError({ request: 'fake', status: 403 }))
    await expect(bench.reconcile()).rejects.toMatchObject({ status: 403 })
    expect(bench.services.ledger.usageOf('h1').servers).toBe(0)
  })

  it('waits while the cache does not show the placement, and keeps the claim', async () => {
    await using bench = await startCloud('h1')
    await bench.createServer('web')
    bench.api.pauseWatches()
    await reconcileServer('demo/web', bench.deps)
    expect(bench.statusOf().host).toBe('h1')
    const { length } = bench.writes
    expect(await reconcileServer('demo/web', bench.deps)).toMatchObject({ kind: 'wait' })
    expect(bench.writes).toHaveLength(length)
    expect(bench.services.ledger.usageOf('h1').servers).toBe(1)
    bench.api.resumeWatches()
    await bench.fake.waitForCaches()
    expect(bench.services.ledger.usageOf('h1').servers).toBe(1)
  })

  it('has one host and one port per interface after a crash before or after each write', async () => {
    const spec = { networks: [{ name: 'lan' }, { name: 'lan' }] }
    for (let at = 0; at < 3; at++)
      for (const when of ['before', 'after'] as const) {
        const life = new Life().killAt(at, when)
        await using first = await startCloud('h1')
        await using dying = await Bench.start(first.api, life)
        await dying.renewLease('h1')
        await first.createServer('web', spec)
        await dying.fake.waitForCaches()
        await expect(dying.reconcile()).rejects.toThrow(Killed)
        await using next = await Bench.start(first.api)
        await next.renewLease('h1')
        await next.reconcile()
        expect(next.statusOf().host, `${when} ${at}`).toBe('h1')
        expect(
          next.listPorts().map(({ metadata }) => metadata.name),
          `${when} ${at}`,
        ).toEqual(['lan-10-0-0-2', 'lan-10-0-0-3'])
        expect(next.statusOf().instance?.interfaces.map(({ port }) => port)).toEqual(['lan-10-0-0-2', 'lan-10-0-0-3'])
      }
  })
})
