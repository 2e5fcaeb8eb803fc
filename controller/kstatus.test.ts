/**
 * Checks what generic clients such as kstatus conclude from the status that the controller writes. The states of a
 * Server that an agent reports are tested in agent/server/kstatus.test.ts.
 */
import { describe, expect, it } from 'vitest'
import { serverAction } from '../actions/index.ts'
import { changeRecord, endedStatus, runningStatus } from '../agent/server/action-record.ts'
import {
  type Condition,
  flavor,
  hostAggregate,
  hostSecret,
  hypervisor,
  image,
  type Kind,
  keyPair,
  network,
  type Port,
  port,
  resourceDefOf,
  type Server,
  type ServerAction,
  server,
} from '../crds/index.ts'
import { kinds } from '../hack/generate/kinds.ts'
import { keyOf } from '../kube/types.ts'
import { isWaitOver, kstatusOf } from '../test/kstatus.ts'
import { reconcileAction } from './action/reconcile.ts'
import { reconcileAggregate, reconcileFlavor, reconcileImage, reconcileKeyPair } from './catalogue/reconcile.ts'
import { reconcileHost } from './host/reconcile.ts'
import { reconcileNetwork } from './network/reconcile.ts'
import { reconcilePort } from './port/reconcile.ts'
import { type Bench, startCloud } from './testing.ts'

interface Handle {
  metadata: { name: string; namespace?: string; generation?: number }
  spec: object
  status?: { observedGeneration?: number; conditions?: Condition[] }
}

type Reconcile = (bench: Bench, key: string) => Promise<unknown>
const now = (bench: Bench) => () => bench.now()

const reconcilers: Record<string, Reconcile> = {
  Flavor: (bench, key) => reconcileFlavor(key, { stores: bench.stores, now: now(bench) }),
  Image: (bench, key) => reconcileImage(key, { stores: bench.stores, now: now(bench) }),
  KeyPair: (bench, key) => reconcileKeyPair(key, { stores: bench.stores, now: now(bench) }),
  HostAggregate: (bench, key) => reconcileAggregate(key, { stores: bench.stores, now: now(bench) }),
  Network: (bench, key) =>
    reconcileNetwork(key, { stores: bench.stores, allocations: bench.services.allocations, now: now(bench) }),
  Port: (bench, key) =>
    reconcilePort(key, { stores: bench.stores, allocations: bench.services.allocations, clock: bench.clock }),
  Hypervisor: (bench, key) =>
    reconcileHost(key, {
      stores: bench.stores,
      hosts: bench.hosts,
      ledger: bench.services.ledger,
      clock: bench.clock,
      options: { hostStatusSeconds: 10 },
      hostStatusWrites: new Map(),
    }),
  ServerAction: (bench, key) =>
    reconcileAction(key, { stores: bench.stores, secrets: bench.services.secrets, now: now(bench) }),
  Server: (bench) => bench.reconcile('x'),
}

const metadataOf = ({ scope }: Kind) => ({ name: 'x', ...(scope === 'Namespaced' ? { namespace: 'demo' } : {}) })

const find = (bench: Bench, kind: Kind): Handle => bench.api.find(kind.plural, keyOf(metadataOf(kind))) as Handle

async function settle(bench: Bench, kind: Kind): Promise<Handle> {
  for (let passes = 0; passes < 10; passes++) {
    const before = bench.writes.length
    await reconcilers[kind.kind]?.(bench, keyOf(metadataOf(kind)))
    await bench.fake.waitForCaches()
    if (bench.writes.length === before) return find(bench, kind)
  }
  throw new Error(`${kind.kind} x does not settle`)
}

async function connect(bench: Bench): Promise<void> {
  const ready = { type: 'Ready', status: 'True', reason: 'Connected', message: 'm', lastTransitionTime: bench.now() }
  const status = { conditions: [ready] }
  const handle = bench.api.resource(resourceDefOf(hypervisor))
  await handle.applyStatus({ metadata: { name: 'x' }, status } as never, { fieldManager: 'kubenova-agent/x' })
  await bench.renewLease('x')
}

const keys = [
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPlekfeEobhcmpJ2e2LpePhFYtNj5kQoO+vT+DufoZtJ alice',
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ+4n2sXkXK3n1x8pWc0hYJ3m1r7b9F2p0q0o6wX1cZ5 demo',
]

/**
 * For each kind: a spec that kstatus reports as Current, and successive changes of it; none if the spec cannot change.
 */
const specs: [kind: Kind, spec: object, changes: object[], prepare?: (bench: Bench) => Promise<unknown>][] = [
  [flavor, { vcpus: 1, ram: 512, disk: 1 }, [{ description: 'small' }, { description: 'little' }]],
  [image, { url: 'https://example.com/c.img' }, [{ visibility: 'public' }, { visibility: 'private' }]],
  [keyPair, { publicKey: keys[0] }, [{ publicKey: keys[1] }, { publicKey: keys[0] }]],
  [hostAggregate, { hosts: [] }, [{ metadata: { ssd: 'true' } }, { metadata: { ssd: 'false' } }]],
  [network, { subnets: [{ cidr: '10.7.0.0/29' }] }, [{ shared: true }, { shared: false }]],
  [hypervisor, { disabled: false }, [{ disabled: true }, { disabled: false }], connect],
  [port, { network: { name: 'lan' } }, []],
]

describe('a new object', () => {
  const all: [Kind, object][] = [
    ...specs.map(([kind, spec]): [Kind, object] => [kind, spec]),
    [server, { flavor: 'tiny', image: { name: 'cirros' } }],
    [serverAction, { server: 'web', action: 'reboot', reboot: { type: 'HARD' } }],
  ]

  it('is tested for every kind', () => {
    const withStatus = kinds.map(({ kind }) => kind).filter((kind) => kind !== 'HostSecret')
    expect(all.map(([{ kind }]) => kind).sort()).toEqual(withStatus.sort())
  })

  it('is current at once if it is a HostSecret, which nobody reports on', async () => {
    await using bench = await startCloud()
    const spec = { host: 'x', sealingKey: 'AAAA', sealed: 'AAAA' }
    await bench.create(hostSecret, { metadata: metadataOf(hostSecret), spec })
    expect(kstatusOf(find(bench, hostSecret))).toBe('Current')
  })

  it.each(all.map((row) => [row[0].kind, ...row] as const))(
    '%s is in progress before a controller has seen it',
    async (_, kind, spec) => {
      await using bench = await startCloud()
      await bench.create(kind, { metadata: metadataOf(kind), spec })
      expect(kstatusOf(find(bench, kind))).toBe('InProgress')
      expect(isWaitOver(find(bench, kind), 'Ready')).toBe(false)
    },
  )
})

describe.each(specs.map((row) => [row[0].kind, ...row] as const))(
  'an object of kind %s',
  (_, kind, spec, changes, prepare) => {
    it('is current, also after each change of its spec', async () => {
      await using bench = await startCloud()
      await bench.create(kind, { metadata: metadataOf(kind), spec })
      await prepare?.(bench)
      expect(kstatusOf(await settle(bench, kind))).toBe('Current')
      expect(isWaitOver(find(bench, kind), 'Ready')).toBe(true)
      for (const change of changes) {
        await bench.api.resource<Handle>(resourceDefOf(kind)).patch(metadataOf(kind), { spec: change })
        await bench.fake.waitForCaches()
        expect(kstatusOf(find(bench, kind))).toBe('InProgress')
        expect(isWaitOver(find(bench, kind), 'Ready')).toBe(false)
        const { metadata, status } = await settle(bench, kind)
        expect(status?.observedGeneration).toBe(metadata.generation)
        expect(kstatusOf(find(bench, kind))).toBe('Current')
        expect(isWaitOver(find(bench, kind), 'Ready')).toBe(true)
      }
    })
  },
)

async function createFirstPort(bench: Bench, spec: Partial<Port['spec']>): Promise<void> {
  await bench.create<Port>(port, {
    metadata: { name: 'first', namespace: 'demo' },
    spec: { network: { name: 'lan' }, ...spec },
  })
  await reconcilers['Port']?.(bench, 'demo/first')
  await bench.fake.waitForCaches()
}

async function createOlderNetwork(bench: Bench): Promise<void> {
  await bench.createNetwork('older', [{ cidr: '10.8.0.0/16' }], { bridge: 'br0' })
  await bench.clock.advance(2000)
}

const otherZone = { metadata: { name: 'a' }, spec: { hosts: ['h1'], availabilityZone: 'rack-a' } }
const rows: [string, ReturnType<typeof kstatusOf>, Kind, object, ((bench: Bench) => Promise<unknown>)?][] = [
  ['a KeyPair whose key is none', 'Failed', keyPair, { publicKey: 'none' }],
  ['a HostAggregate whose host does not exist yet', 'InProgress', hostAggregate, { hosts: ['h9'] }],
  [
    'a HostAggregate whose host is in another zone',
    'Failed',
    hostAggregate,
    { hosts: ['h1'], availabilityZone: 'rack-b' },
    (bench) => bench.create(hostAggregate, otherZone),
  ],
  [
    'a Network whose pools overlap',
    'Failed',
    network,
    { subnets: [{ cidr: 'fd00::/64', pools: [{ start: 'fd00::20', end: 'fd00::10' }] }] },
  ],
  ['a Port whose Network does not exist yet', 'InProgress', port, { network: { name: 'none' } }],
  [
    'a Port with an address outside of the subnets',
    'Failed',
    port,
    { network: { name: 'lan' }, fixedIPs: ['10.9.0.9'] },
  ],
  [
    'a Port with an address of another Port, which may be deleted',
    'InProgress',
    port,
    { network: { name: 'lan' }, fixedIPs: ['10.0.0.5'] },
    (bench) => createFirstPort(bench, { fixedIPs: ['10.0.0.5'] }),
  ],
  [
    'a Port with the MAC of another Port, which may be deleted',
    'InProgress',
    port,
    { network: { name: 'lan' }, macAddress: 'fa:16:3e:00:00:01' },
    (bench) => createFirstPort(bench, { macAddress: 'fa:16:3e:00:00:01' }),
  ],
  [
    'a Network whose subnet an older Network has on the same bridge',
    'InProgress',
    network,
    { subnets: [{ cidr: '10.8.0.0/24' }], bridge: 'br0' },
    createOlderNetwork,
  ],
  [
    'a Network whose subnet an older Network has, and whose pools overlap',
    'Failed',
    network,
    { subnets: [{ cidr: '10.8.0.0/24', pools: [{ start: '10.8.0.9', end: '10.8.0.3' }] }], bridge: 'br0' },
    createOlderNetwork,
  ],
  ['a Hypervisor that no agent has reported', 'InProgress', hypervisor, {}],
  ['a Hypervisor whose agent has not reported yet', 'InProgress', hypervisor, {}, (bench) => bench.renewLease('x')],
  ['a Hypervisor that is forced down', 'Failed', hypervisor, { forcedDown: true }],
  ['a Server whose Flavor does not exist yet', 'InProgress', server, { flavor: 'none', image: { name: 'cirros' } }],
  ['a Server that no host can take', 'Failed', server, { flavor: 'tiny', image: { name: 'cirros' } }],
  ['a ServerAction for a Server that does not exist', 'Failed', serverAction, { server: 'no', action: 'unrescue' }],
]

describe('the controller’s answer for', () => {
  it.each(rows)('%s is %s', async (_, expected, kind, spec, prepare) => {
    await using bench = await startCloud()
    if (kind !== hypervisor) await bench.createHost('h1', { disabled: true })
    await prepare?.(bench)
    await bench.create(kind, { metadata: metadataOf(kind), spec })
    const found = await settle(bench, kind)
    expect(kstatusOf(found), JSON.stringify(found.status)).toBe(expected)
    expect(isWaitOver(found, 'Ready')).toBe(false)
  })
})

describe('an action', () => {
  const planned = { action: 'reboot', params: {}, id: 'r' } as const
  const startTime = '2026-01-01T00:00:00Z'
  const started = { planned, host: 'h1', startTime, steps: [{ name: 'stop', startedAt: startTime }] }
  const failure = { code: 'LibvirtError', message: 'libvirt is busy', final: true } as const
  const owner = { metadata: { name: 'web', namespace: 'demo', uid: 'u' } } as Server
  const recordRows: [string, ReturnType<typeof kstatusOf>, NonNullable<ServerAction['status']>][] = [
    ['whose record the agent has begun', 'InProgress', runningStatus(started)],
    ['that has succeeded', 'Current', endedStatus({ ...started, finishTime: startTime })],
    ['that has failed', 'Failed', endedStatus({ ...started, finishTime: startTime, failure })],
  ]
  it.each(recordRows)('%s is %s', (_, expected, status) => {
    const record = changeRecord(owner, 1, started, status) as ServerAction
    expect(kstatusOf(record)).toBe(expected)
    expect(isWaitOver(record, 'Ready')).toBe(expected === 'Current')
    expect(isWaitOver(record, 'Complete')).toBe(expected === 'Current')
  })

  it('that the controller has accepted is InProgress', async () => {
    await using bench = await startCloud('h1')
    await bench.createServer('web')
    while (bench.statusOf().host === undefined) await bench.reconcile()
    await bench.reportAsAgent({
      vmState: 'active',
      observedGeneration: 1,
      domain: { name: 'd' },
      launchedAt: startTime,
    })
    await bench.create(serverAction, {
      metadata: metadataOf(serverAction),
      spec: { server: 'web', action: 'reboot', reboot: { type: 'HARD' } },
    })
    const accepted = await settle(bench, serverAction)
    expect((accepted as unknown as ServerAction).status?.phase).toBe('Running')
    expect(kstatusOf(accepted)).toBe('InProgress')
  })
})
