import { describe, expect, it } from 'vitest'
import { serverAction } from '../../actions/index.ts'
import { findCondition, type Hypervisor, hypervisor, resourceDefOf, type ServerAction } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import { reconcileAction } from '../action/reconcile.ts'
import { type Bench, startCloud } from '../testing.ts'

describe('a server that every host rejects', () => {
  it('is tried on three different hosts, as many as in Nova', async () => {
    await using bench = await startCloud(...Array.from({ length: 18 }, (_, i) => `h${i}`))
    await bench.createServer()
    const tried: string[] = []
    for (let i = 0; i < 30 && bench.statusOf().vmState !== 'error'; i++) {
      await bench.reconcile()
      const { host, hostRejection } = bench.statusOf()
      if (host === undefined || hostRejection?.host === host) continue
      tried.push(host)
      const more = { domain: { name: 'd' }, actionRecords: tried.length, conditions: [] }
      await bench.reportAsAgent({ vmState: 'building', hostRejection: { host, reason: 'no such image' }, ...more })
    }
    expect(new Set(tried).size).toBe(3)
    expect(tried).toHaveLength(3)
    expect(scheduledOf(bench)).toMatchObject({
      reason: 'NoValidHost',
      message: expect.stringMatching(
        /^3 hosts could not build it; .* could not build it: no such image; .*action: start/,
      ),
    })
  })
})

describe('a server that is rejected because libvirt does not answer', () => {
  const readyCondition = (status: 'True' | 'False', reason: string) => [
    { type: 'Ready', status, reason, message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z' },
  ]

  it.each([
    ['is placed on the same host when libvirt answers again', true],
    ['is not placed on the same host when the Hypervisor reports libvirt as connected', false],
  ])('%s', async (_, isLibvirtLost) => {
    await using bench = await startCloud('h1')
    await bench.createServer()
    await bench.reconcile()
    const hosts = bench.api.resource<Hypervisor>(resourceDefOf(hypervisor))
    const reportAsHost = (conditions: ReturnType<typeof readyCondition>) =>
      hosts.applyStatus({ metadata: { name: 'h1' }, status: { conditions } }, { fieldManager: 'agent' })
    if (isLibvirtLost) await reportAsHost(readyCondition('False', 'LibvirtUnreachable'))
    await bench.fake.waitForCaches()
    const fault = { code: 500, message: 'look: no libvirt', details: 'LibvirtUnreachable', created: bench.now() }
    const more = { domain: { name: 'd' }, actionRecords: 1, conditions: [], fault }
    await bench.reportAsAgent({ vmState: 'error', hostRejection: { host: 'h1', reason: 'look: no libvirt' }, ...more })
    for (let i = 0; i < 4; i++) await bench.reconcile()
    expect(scheduledOf(bench)).toMatchObject({ reason: 'NoValidHost' })
    await reportAsHost(readyCondition('True', 'Connected'))
    await bench.fake.waitForCaches()
    await bench.reconcile()
    expect(bench.statusOf().host).toBe(isLibvirtLost ? 'h1' : undefined)
  })
})

it.each([3, 20])('a server’s status stays below 100 KiB when %i hosts reject it with long reasons', async (able) => {
  const longest = '€'.repeat(1024)
  const name = (i: number): string => `${'h'.repeat(58)}-${String(i).padStart(4, '0')}`
  await using bench = await startCloud(...Array.from({ length: able }, (_, i) => name(i)))
  for (let i = able; i < 40; i++)
    await bench.createHost(name(i), { disabled: true, disabledReason: `${i}${longest.slice(0, 250)}` })
  for (let i = 40; i < 80; i++) await bench.createHost(name(i), { ram: i, qemuVersion: `${i}` })
  await bench.createServer()
  for (let i = 0; i < 30 && bench.statusOf().vmState !== 'error'; i++) {
    await bench.reconcile()
    const { host, hostRejection } = bench.statusOf()
    if (host === undefined || hostRejection?.host === host) continue
    const more = { domain: { name: 'd' }, actionRecords: i, conditions: [] }
    await bench.reportAsAgent({ vmState: 'building', hostRejection: { host, reason: longest }, ...more })
  }
  const status = bench.statusOf()
  expect(status.rejectedHosts).toHaveLength(3)
  expect((status.conditions ?? []).map(({ type }) => type)).toEqual(['Scheduled', 'Ready', 'Stalled'])
  expect(status.fault?.message.length).toBeGreaterThan(3 * longest.length)
  expect(Buffer.byteLength(JSON.stringify(status))).toBeLessThan(100 * 1024)
})

const scheduledOf = (bench: Bench) => findCondition(bench.statusOf().conditions, 'Scheduled')

describe('a requested start of a server that no host could build', () => {
  /**
   * The only host of the server, h1, has rejected it.
   * @param room MiB of memory that h1 has
   */
  async function startRejected(room = 4096): Promise<Bench> {
    const bench = await startCloud()
    await bench.createHost('h1', { ram: room })
    await bench.createServer()
    await bench.reconcile()
    await bench.reportAsAgent({
      vmState: 'error',
      observedGeneration: 1,
      domain: { name: 'd' },
      hostRejection: { host: 'h1', reason: 'prepare: the disk is full' },
      conditions: [],
    })
    for (let i = 0; i < 4; i++) await bench.reconcile()
    expect(scheduledOf(bench)?.message).toMatch(/h1 could not build it: prepare: the disk is full; .*action: start/)
    expect(bench.statusOf().rejectedHosts).toEqual([{ host: 'h1', reason: 'prepare: the disk is full' }])
    return bench
  }

  async function requestStart(bench: Bench): Promise<ServerAction> {
    const spec = { server: 'web', action: 'start', start: {} }
    await bench.create(serverAction, { metadata: { namespace: 'demo', name: 'again' }, spec })
    await reconcileAction('demo/again', {
      stores: bench.stores,
      secrets: bench.services.secrets,
      now: () => bench.now(),
    })
    await bench.fake.waitForCaches()
    const [request] = bench.listActions()
    if (!request) throw new Error('the ServerAction is gone')
    return request
  }

  it('tries the rejecting hosts again', async () => {
    await using bench = await startRejected()
    const request = await requestStart(bench)
    expect(request.status).toMatchObject({ phase: 'Running' })
    await bench.reconcile()
    expect(bench.statusOf()).toMatchObject({
      host: 'h1',
      vmState: 'building',
      activeAction: { uid: request.metadata.uid },
    })
    expect(bench.statusOf()).not.toHaveProperty('rejectedHosts')
  })

  it('is not run by a later host when it has failed', async () => {
    await using bench = await startRejected()
    const hosts = bench.api.resource<Hypervisor>(resourceDefOf(hypervisor))
    await hosts.patch({ name: 'h1' }, { spec: { disabled: true } })
    await bench.fake.waitForCaches()
    const { metadata } = await requestStart(bench)
    // The controller crashes after it has failed the ServerAction and before it empties status.activeAction of the
    // Server.
    const away = new ApiError({ request: 'fake', status: 0 })
    bench.fake.life.fail('apply serveractions', away, { when: 'after' })
    await expect(bench.reconcile()).rejects.toBe(away)
    await bench.fake.waitForCaches()
    expect(bench.listActions()[0]?.status).toMatchObject({ phase: 'Failed' })
    expect(bench.statusOf().activeAction?.uid).toBe(metadata.uid)
    await hosts.patch({ name: 'h1' }, { spec: { disabled: false } })
    await bench.fake.waitForCaches()
    for (let i = 0; i < 2; i++) await bench.reconcile()
    expect(bench.statusOf()).toMatchObject({ host: 'h1', vmState: 'building' })
    expect(bench.statusOf()).not.toHaveProperty('activeAction')
  })

  it('fails and frees the slot when no host can take the server', async () => {
    await using bench = await startRejected()
    const hosts = bench.api.resource<Hypervisor>(resourceDefOf(hypervisor))
    await hosts.patch({ name: 'h1' }, { spec: { disabled: true } })
    await bench.fake.waitForCaches()
    await requestStart(bench)
    for (let i = 0; i < 2; i++) await bench.reconcile()
    expect(bench.listActions()[0]?.status).toMatchObject({
      phase: 'Failed',
      message: expect.stringContaining('disabled'),
      conditions: [
        { type: 'Accepted' },
        { type: 'Complete', status: 'False', reason: 'NoValidHost' },
        { type: 'Ready', status: 'False', reason: 'NoValidHost' },
        { type: 'Stalled', status: 'True', reason: 'NoValidHost' },
      ],
    })
    expect(bench.statusOf()).toMatchObject({ vmState: 'error' })
    expect(bench.statusOf()).not.toHaveProperty('activeAction')
    const before = bench.getServer()
    await bench.reconcile()
    expect(bench.getServer()).toEqual(before)
  })
})
