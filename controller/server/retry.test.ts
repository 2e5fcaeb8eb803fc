import { describe, expect, it } from 'vitest'
import { serverAction } from '../../actions/index.ts'
import { findCondition, type Hypervisor, hypervisor, resourceDefOf, type ServerAction } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import { reconcileAction } from '../action/reconcile.ts'
import { type Bench, cloud } from '../testing.ts'

describe('a server that host after host refuses', () => {
  it('is asked of three, as many as Nova asks, and not again of those of before', async () => {
    await using bench = await cloud(...Array.from({ length: 18 }, (_, i) => `h${i}`))
    await bench.server()
    const asked: string[] = []
    for (let i = 0; i < 30 && bench.status().vmState !== 'error'; i++) {
      await bench.reconcile()
      const { host, hostRejection } = bench.status()
      if (host === undefined || hostRejection?.host === host) continue
      asked.push(host)
      const more = { domain: { name: 'd' }, actionRecords: asked.length, conditions: [] }
      await bench.agentSays({ vmState: 'building', hostRejection: { host, reason: 'no such image' }, ...more })
    }
    expect(new Set(asked).size).toBe(3)
    expect(asked).toHaveLength(3)
    expect(scheduled(bench)).toMatchObject({
      reason: 'NoValidHost',
      message: expect.stringMatching(
        /^3 hosts could not build it; .* could not build it: no such image; .*action: start/,
      ),
    })
  })
})

describe('a server whose host refuses it for want of its libvirt', () => {
  const says = (status: 'True' | 'False', reason: string) => [
    { type: 'Ready', status, reason, message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z' },
  ]

  it.each([
    ['has it when it has one again', true],
    ['is not asked again, where it says of itself that it has one', false],
  ])('%s', async (_, isAway) => {
    await using bench = await cloud('h1')
    await bench.server()
    await bench.reconcile()
    const hosts = bench.api.resource<Hypervisor>(resourceDefOf(hypervisor))
    const hostSays = (conditions: ReturnType<typeof says>) =>
      hosts.applyStatus({ metadata: { name: 'h1' }, status: { conditions } }, { fieldManager: 'agent' })
    if (isAway) await hostSays(says('False', 'LibvirtUnreachable'))
    await bench.fake.waitForCaches()
    const fault = { code: 500, message: 'look: no libvirt', details: 'LibvirtUnreachable', created: bench.now() }
    const more = { domain: { name: 'd' }, actionRecords: 1, conditions: [], fault }
    await bench.agentSays({ vmState: 'error', hostRejection: { host: 'h1', reason: 'look: no libvirt' }, ...more })
    for (let i = 0; i < 4; i++) await bench.reconcile()
    expect(scheduled(bench)).toMatchObject({ reason: 'NoValidHost' })
    await hostSays(says('True', 'Connected'))
    await bench.fake.waitForCaches()
    await bench.reconcile()
    expect(bench.status().host).toBe(isAway ? 'h1' : undefined)
  })
})

it.each([3, 20])('whatever %i hosts say that could take it, its status stays small', async (able) => {
  const longest = '€'.repeat(1024)
  const name = (i: number): string => `${'h'.repeat(58)}-${String(i).padStart(4, '0')}`
  await using bench = await cloud(...Array.from({ length: able }, (_, i) => name(i)))
  for (let i = able; i < 40; i++)
    await bench.host(name(i), { disabled: true, disabledReason: `${i}${longest.slice(0, 250)}` })
  for (let i = 40; i < 80; i++) await bench.host(name(i), { ram: i, qemuVersion: `${i}` })
  await bench.server()
  for (let i = 0; i < 30 && bench.status().vmState !== 'error'; i++) {
    await bench.reconcile()
    const { host, hostRejection } = bench.status()
    if (host === undefined || hostRejection?.host === host) continue
    const more = { domain: { name: 'd' }, actionRecords: i, conditions: [] }
    await bench.agentSays({ vmState: 'building', hostRejection: { host, reason: longest }, ...more })
  }
  const status = bench.status()
  expect(status.rejectedHosts).toHaveLength(3)
  expect((status.conditions ?? []).map(({ type }) => type)).toEqual(['Scheduled', 'Ready', 'Stalled'])
  expect(status.fault?.message.length).toBeGreaterThan(3 * longest.length)
  expect(Buffer.byteLength(JSON.stringify(status))).toBeLessThan(100 * 1024)
})

const scheduled = (bench: Bench) => findCondition(bench.status().conditions, 'Scheduled')

describe('a start of a server that no host could build', () => {
  /** h1 refused it; there is no other. */
  async function refused(room = 4096): Promise<Bench> {
    const bench = await cloud()
    await bench.host('h1', { ram: room })
    await bench.server()
    await bench.reconcile()
    await bench.agentSays({
      vmState: 'error',
      observedGeneration: 1,
      domain: { name: 'd' },
      hostRejection: { host: 'h1', reason: 'prepare: the disk is full' },
      conditions: [],
    })
    for (let i = 0; i < 4; i++) await bench.reconcile()
    expect(scheduled(bench)?.message).toMatch(/h1 could not build it: prepare: the disk is full; .*action: start/)
    expect(bench.status().rejectedHosts).toEqual([{ host: 'h1', reason: 'prepare: the disk is full' }])
    return bench
  }

  async function ask(bench: Bench): Promise<ServerAction> {
    const spec = { server: 'web', action: 'start', start: {} }
    await bench.make(serverAction, { metadata: { namespace: 'demo', name: 'again' }, spec })
    await reconcileAction('demo/again', {
      stores: bench.stores,
      secrets: bench.services.secrets,
      now: () => bench.now(),
    })
    await bench.fake.waitForCaches()
    const [asked] = bench.actions()
    if (!asked) throw new Error('it is gone')
    return asked
  }

  it('has it tried on them again', async () => {
    await using bench = await refused()
    const asked = await ask(bench)
    expect(asked.status).toMatchObject({ phase: 'Running' })
    await bench.reconcile()
    expect(bench.status()).toMatchObject({ host: 'h1', vmState: 'building', activeAction: { uid: asked.metadata.uid } })
    expect(bench.status()).not.toHaveProperty('rejectedHosts')
  })

  it('that has ended is not done by the host that comes after all', async () => {
    await using bench = await refused()
    const hosts = bench.api.resource<Hypervisor>(resourceDefOf(hypervisor))
    await hosts.patch({ name: 'h1' }, { spec: { disabled: true } })
    await bench.fake.waitForCaches()
    const { metadata } = await ask(bench)
    // The controller ends when it has failed the action, before it could free the slot.
    const away = new ApiError({ request: 'fake', status: 0 })
    bench.fake.life.fail('apply serveractions', away, { when: 'after' })
    await expect(bench.reconcile()).rejects.toBe(away)
    await bench.fake.waitForCaches()
    expect(bench.actions()[0]?.status).toMatchObject({ phase: 'Failed' })
    expect(bench.status().activeAction?.uid).toBe(metadata.uid)
    await hosts.patch({ name: 'h1' }, { spec: { disabled: false } })
    await bench.fake.waitForCaches()
    for (let i = 0; i < 2; i++) await bench.reconcile()
    expect(bench.status()).toMatchObject({ host: 'h1', vmState: 'building' })
    expect(bench.status()).not.toHaveProperty('activeAction')
  })

  it('fails, and is out of the way, when none can take it', async () => {
    await using bench = await refused()
    const hosts = bench.api.resource<Hypervisor>(resourceDefOf(hypervisor))
    await hosts.patch({ name: 'h1' }, { spec: { disabled: true } })
    await bench.fake.waitForCaches()
    await ask(bench)
    for (let i = 0; i < 2; i++) await bench.reconcile()
    expect(bench.actions()[0]?.status).toMatchObject({
      phase: 'Failed',
      message: expect.stringContaining('disabled'),
      conditions: [{ type: 'Accepted' }, { type: 'Complete', status: 'False', reason: 'NoValidHost' }],
    })
    expect(bench.status()).toMatchObject({ vmState: 'error' })
    expect(bench.status()).not.toHaveProperty('activeAction')
    const before = bench.read()
    await bench.reconcile()
    expect(bench.read()).toEqual(before)
  })
})
