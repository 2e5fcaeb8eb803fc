// Each test puts one violation into a snapshot of a converged cloud, and the checks must find it.
import { describe, expect, it } from 'vitest'
import type { Condition, Hypervisor, Port, Server, ServerAction } from '../../crds/index.ts'
import type { FaultName } from './faults.ts'
import type { Snapshot } from './snapshot.ts'
import { stories } from './stories.ts'
import { type Allowance, findOutcomeViolations } from './story-outcome.ts'
import { findUnexpectedExits } from './unexpected-exits.ts'
import { findViolations } from './violations.ts'

const uid = '11111111-2222-4333-8444-555555555555'
const owner = { apiVersion: 'compute.kubenova.io/v1alpha1', kind: 'Server', name: 'vm', uid }
const networkId = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'
const mac = 'fa:16:3e:00:00:01'
const ready: Condition = { type: 'Ready', status: 'True', reason: 'Running', message: '', lastTransitionTime: 'now' }

const makeRecord = (name: string, action: string): ServerAction =>
  ({
    metadata: { name, ownerReferences: [owner] },
    spec: { server: 'vm', action },
    status: { phase: 'Succeeded', events: [{ event: 'e', result: 'Success' }] },
  }) as unknown as ServerAction

const makeHypervisor = (used: object, servers: number): Hypervisor =>
  ({ metadata: { name: 'h1' }, spec: {}, status: { used, servers } }) as unknown as Hypervisor

const makeDeletionRecord = (uid: string, phase: string): ServerAction =>
  ({
    metadata: { name: `${uid}-delete` },
    spec: { server: 'other', action: 'delete' },
    status: { phase, deletedServer: { uid, uuid: uid, server: {} } },
  }) as ServerAction

const makeConvergedSnapshot = () => ({
  servers: [
    {
      metadata: { name: 'vm', uid, generation: 2 },
      spec: { powerState: 'Running' },
      status: {
        observedGeneration: 2,
        vmState: 'active',
        host: 'h1',
        reachedPowerState: 'Running',
        conditions: [ready],
        instance: {
          flavor: { vcpus: 2, ram: 128, disk: 1 },
          interfaces: [{ portId: '12345678-9abc-4def-8000-000000000000', networkId, macAddress: mac }],
        },
      },
    } as unknown as Server & { status: object },
  ],
  records: [makeRecord('vm-1', 'create')],
  ports: [{ metadata: { name: 'p', ownerReferences: [owner] }, status: { fixedIPs: ['10.0.0.2'] } } as unknown as Port],
  hosts: [makeHypervisor({ vcpus: 2, ram: 128, disk: 1 }, 1)],
  domains: [{ name: 'vm-11111111', uuid: uid, id: 1 as number | undefined, state: 'running' }],
  qemus: [uid],
  rescueQemus: [] as string[],
  starts: new Map([['vm-11111111', 1]]),
  instances: new Map([[uid, ['console.log', 'disk', 'disk.config', 'disk.config.json', 'disks.json', 'owner.json']]]),
  sockets: [`${uid}.vnc`],
  saves: [] as string[],
  guests: [uid],
  dhcp: ['aaaaaaaabbbb'],
  leases: [mac],
  links: ['lo', 'eth0', 'tap12345678-9a', 'knaaaaaaaabbbb', 'kdaaaaaaaabbbb'],
  namespaces: ['kubenova-aaaaaaaabbbb'],
  filtered: ['tap12345678-9a'],
  pins: [uid],
  halfImages: [] as string[],
})
type Converged = ReturnType<typeof makeConvergedSnapshot>

function makeRescuedSnapshot(): Converged {
  const snapshot = makeConvergedSnapshot()
  const [server] = snapshot.servers
  Object.assign(server!.spec, { powerState: 'Stopped' })
  const conditions = [{ ...ready, status: 'False', reason: 'Rescued' }]
  Object.assign(server!.status, { mode: 'rescued', vmState: 'rescued', reachedPowerState: 'Stopped', conditions })
  const files = snapshot.instances.get(uid) ?? []
  snapshot.instances.set(uid, [...files, 'disk.rescue', 'rescue.json'].toSorted())
  return Object.assign(snapshot, { rescueQemus: [uid], pins: [uid, `${uid}.rescue`] })
}

describe('findViolations', () => {
  it('finds none when the rescue system of a server runs', () => {
    expect(findViolations(makeRescuedSnapshot())).toEqual([])
  })

  it.each<[string, (s: Converged) => unknown]>([
    ['vm runs from the wrong disk', (s) => Object.assign(s, { rescueQemus: [] })],
    ['vm has no pin on its image', (s) => Object.assign(s, { pins: [uid] })],
    ['vm is active, not rescued', (s) => Object.assign(s.servers[0]!.status, { vmState: 'active' })],
    [
      'vm has these files: console.log disk disk.config disk.config.json disks.json owner.json',
      (s) => s.instances.set(uid, makeConvergedSnapshot().instances.get(uid)!),
    ],
  ])('reports of a rescue: %s', (violation, spoil) => {
    const snapshot = makeRescuedSnapshot()
    spoil(snapshot)
    expect(findViolations(snapshot)).toEqual([violation])
  })

  it('finds none in a converged or empty cloud', () => {
    expect(findViolations(makeConvergedSnapshot())).toEqual([])
    expect(findViolations(snapshotAfterDeletion(makeConvergedSnapshot()))).toEqual([])
  })

  it.each<[string, (snapshot: Converged) => unknown]>([
    ['is stopped, not active', (s) => Object.assign(s.servers[0]!.status, { vmState: 'stopped' })],
    ['is powering-off', (s) => Object.assign(s.servers[0]!.status, { taskState: 'powering-off' })],
    ['is not Ready', (s) => Object.assign(s.servers[0]!.status, { conditions: [{ ...ready, status: 'False' }] })],
    ['newest generation', (s) => Object.assign(s.servers[0]!.metadata, { generation: 3 })],
    ['is being deleted', (s) => Object.assign(s.servers[0]!.metadata, { deletionTimestamp: 'now' })],
    ['has a fault', (s) => Object.assign(s.servers[0]!.status, { fault: { message: 'x' } })],
    ['has reached Stopped', (s) => Object.assign(s.servers[0]!.status, { reachedPowerState: 'Stopped' })],
    ['has 0 domains', (s) => s.domains.pop()],
    ['has 2 domains', (s) => s.domains.push({ ...s.domains[0]!, name: 'other' })],
    ['its domain is shut off', (s) => Object.assign(s.domains[0]!, { state: 'shut off' })],
    ['has 0 QEMU', (s) => s.qemus.pop()],
    ['has 2 QEMU', (s) => s.qemus.push(uid)],
    ['has these files', (s) => s.instances.get(uid)!.push('disk.tmp-0')],
    ['has 0 taps', (s) => s.links.splice(2, 1)],
    ['has 0 Ports', (s) => s.ports.pop()],
    ['has no VNC socket', (s) => s.sockets.pop()],
    ['has no entry', (s) => s.guests.pop()],
    ['has no pin', (s) => s.pins.pop()],
    ['has no line in DHCP’s hosts', (s) => s.leases.pop()],
    ['orphan: line in DHCP’s hosts', (s) => s.leases.push('fa:16:3e:00:00:02')],
    ['h1 reports 3 vCPUs', (s) => s.hosts.splice(0, 1, makeHypervisor({ vcpus: 3, ram: 128, disk: 1 }, 1))],
    ['256 MiB', (s) => s.hosts.splice(0, 1, makeHypervisor({ vcpus: 2, ram: 256, disk: 1 }, 1))],
    ['2 GiB', (s) => s.hosts.splice(0, 1, makeHypervisor({ vcpus: 2, ram: 128, disk: 2 }, 1))],
    ['for 2 servers, not 2 vCPUs', (s) => s.hosts.splice(0, 1, makeHypervisor({ vcpus: 2, ram: 128, disk: 1 }, 2))],
    ['has no server', (s) => Object.assign(s.records[0]!.metadata, { ownerReferences: [] })],
    ['is Running with events', (s) => Object.assign(s.records[0]!.status!, { phase: 'Running' })],
    ['with events Success,Success', (s) => s.records[0]!.status!.events!.push(s.records[0]!.status!.events![0]!)],
    ['is Running; its server is gone: true', (s) => s.records.push(makeDeletionRecord('gone', 'Running'))],
    ['is Succeeded; its server is gone: false', (s) => s.records.push(makeDeletionRecord(uid, 'Succeeded'))],
    ['is allocated twice', (s) => s.ports[0]!.status!.fixedIPs!.push('10.0.0.2')],
    ['orphan: managed save', (s) => s.saves.push('vm-11111111')],
    ['orphan: unfinished image', (s) => s.halfImages.push('disk')],
  ])('finds: %s', (violation, spoil) => {
    const snapshot = makeConvergedSnapshot()
    spoil(snapshot)
    expect(findViolations(snapshot).join('; ')).toContain(violation)
  })

  it.each([
    'domains',
    'qemus',
    'instances',
    'sockets',
    'guests',
    'dhcp',
    'leases',
    'hosts',
    'links',
    'namespaces',
    'filtered',
    'pins',
    'ports',
    'records',
  ] as const)('finds orphaned %s', (kind) => {
    expect(
      findViolations(
        snapshotAfterDeletion({ ...makeConvergedSnapshot(), [kind]: makeConvergedSnapshot()[kind] }, kind),
      ),
    ).not.toEqual([])
  })
})

/** `orphaned`: a field of the snapshot whose entries were wrongly left behind. */
function snapshotAfterDeletion(snapshot: Converged, orphaned?: keyof Converged): Snapshot {
  const empty = { ...snapshot, ...Object.fromEntries(Object.keys(snapshot).map((key) => [key, []])) }
  const clean = { ...empty, instances: new Map(), starts: snapshot.starts, links: ['lo', 'eth0'] }
  return { ...clean, ...(orphaned && { [orphaned]: snapshot[orphaned] }) }
}

describe('findOutcomeViolations', () => {
  const nothing: Allowance = { actions: [], qemuStarts: 0 }
  const restart = { actions: ['start'], qemuStarts: 1 }
  /**
   * @param starts how often libvirt has started the server's QEMU
   * @param actions the actions that have a record, besides `create`
   */
  const after = (starts: number, ...actions: string[]): Snapshot => ({
    ...makeConvergedSnapshot(),
    starts: new Map([['vm-11111111', starts]]),
    records: [...makeConvergedSnapshot().records, ...actions.map((action, i) => makeRecord(`vm-${i + 2}`, action))],
  })
  const story = stories['reboot HARD']
  const violationsOf = (snapshot: Snapshot, allowance = nothing): string[] =>
    findOutcomeViolations({ story, server: 'vm', before: makeConvergedSnapshot(), after: snapshot, allowance })

  it('accepts the effects of the story, and those that a fault adds', () => {
    expect(violationsOf(after(2, 'reboot'))).toEqual([])
    expect(violationsOf(after(3, 'reboot', 'start'), restart)).toEqual([])
    expect(violationsOf(after(2, 'reboot'), restart)).toEqual([])
  })

  it('accepts the record of the deletion of a server that is gone', () => {
    const snapshot = makeConvergedSnapshot()
    expect(
      findViolations({ ...snapshot, records: [...snapshot.records, makeDeletionRecord('gone', 'Succeeded')] }),
    ).toEqual([])
  })

  it('accepts that the records of another server are gone', () => {
    const other = { ...makeRecord('other-1', 'create'), spec: { server: 'other', action: 'create' } }
    const both = { ...makeConvergedSnapshot(), records: [...makeConvergedSnapshot().records, other] }
    const run = { story, server: 'vm', before: both, after: after(2, 'reboot'), allowance: nothing }
    expect(findOutcomeViolations(run)).toEqual([])
  })

  it.each<[string, Snapshot]>([
    ['was started 2 times', after(3, 'reboot')],
    ['was started 0 times', after(1, 'reboot')],
    ['a surplus record: reboot', after(2, 'reboot', 'reboot')],
    ['a surplus record: start', after(2, 'reboot', 'start')],
    ['no record of reboot', after(2)],
    ['has lost record vm-1', { ...after(2), records: [makeRecord('vm-2', 'reboot')] }],
    ['does not exist', snapshotAfterDeletion(makeConvergedSnapshot())],
  ])('finds: %s', (violation, snapshot) => {
    expect(violationsOf(snapshot).join('; ')).toContain(violation)
  })

  it('finds a server that still exists after its deletion', () => {
    const run = { story: stories.delete, server: 'vm', before: makeConvergedSnapshot(), allowance: nothing }
    expect(findOutcomeViolations({ ...run, after: makeConvergedSnapshot() })).toEqual(['vm still exists'])
    expect(findOutcomeViolations({ ...run, after: snapshotAfterDeletion(makeConvergedSnapshot()) })).toEqual([])
  })
})

describe('findUnexpectedExits', () => {
  const lost = 'Error: leadership was lost: another controller leads now'

  it.each<[service: string, lastLines: string, faults: FaultName[], unexpected: boolean]>([
    ['controller', lost, ['kube-apiserver'], false],
    ['controller', lost, ['agent', 'etcd'], false],
    ['controller', lost, [], true],
    ['controller', lost, ['agent', 'controller', 'libvirtd', 'QEMU'], true],
    ['controller', 'TypeError: x is undefined', ['kube-apiserver'], true],
    ['agent-h1', lost, ['kube-apiserver'], true],
    ['agent-h1', 'TypeError: x is undefined', ['agent'], true],
  ])('%s that logged %s, after faults %j', (service, lastLine, faults, unexpected) => {
    const found = findUnexpectedExits([{ service, lastLines: `first\nsecond\nthird\n${lastLine}` }], faults)
    expect(found).toEqual(unexpected ? [`${service} exited by itself: second | third | ${lastLine}`] : [])
  })
})
