// The judges themselves: each wrong thing that can be put into a sight that is right is found.
import { describe, expect, it } from 'vitest'
import type { Condition, Hypervisor, Port, Server, ServerAction } from '../../crds/index.ts'
import { unasked } from './ends.ts'
import type { FaultName } from './faults.ts'
import { type Allowance, unlike } from './outcome.ts'
import type { Sight } from './sight.ts'
import { stories } from './stories.ts'
import { wrongs } from './wrongs.ts'

const uid = '11111111-2222-4333-8444-555555555555'
const owner = { apiVersion: 'compute.kubenova.io/v1alpha1', kind: 'Server', name: 'vm', uid }
const networkId = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'
const mac = 'fa:16:3e:00:00:01'
const ready: Condition = { type: 'Ready', status: 'True', reason: 'Running', message: '', lastTransitionTime: 'now' }

const record = (name: string, action: string): ServerAction =>
  ({
    metadata: { name, ownerReferences: [owner] },
    spec: { server: 'vm', action },
    status: { phase: 'Succeeded', events: [{ event: 'e', result: 'Success' }] },
  }) as unknown as ServerAction

const host = (used: object, servers: number): Hypervisor =>
  ({ metadata: { name: 'h1' }, spec: {}, status: { used, servers } }) as unknown as Hypervisor

/** A cloud with one server that runs. */
const right = () => ({
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
  records: [record('vm-1', 'create')],
  ports: [{ metadata: { name: 'p', ownerReferences: [owner] }, status: { fixedIPs: ['10.0.0.2'] } } as unknown as Port],
  hosts: [host({ vcpus: 2, ram: 128, disk: 1 }, 1)],
  domains: [{ name: 'vm-11111111', uuid: uid, id: 1 as number | undefined, state: 'running' }],
  qemus: [uid],
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
type Right = ReturnType<typeof right>

describe('wrongs', () => {
  it('finds none in a cloud that is right, nor in one that is empty', () => {
    expect(wrongs(right())).toEqual([])
    expect(wrongs(gone(right()))).toEqual([])
  })

  it.each<[string, (seen: Right) => unknown]>([
    ['is stopped, not active', (s) => Object.assign(s.servers[0]!.status, { vmState: 'stopped' })],
    ['is powering-off', (s) => Object.assign(s.servers[0]!.status, { taskState: 'powering-off' })],
    ['is not Ready', (s) => Object.assign(s.servers[0]!.status, { conditions: [{ ...ready, status: 'False' }] })],
    ['newest generation', (s) => Object.assign(s.servers[0]!.metadata, { generation: 3 })],
    ['is being deleted', (s) => Object.assign(s.servers[0]!.metadata, { deletionTimestamp: 'now' })],
    ['has a fault', (s) => Object.assign(s.servers[0]!.status, { fault: { message: 'x' } })],
    ['has settled at Stopped', (s) => Object.assign(s.servers[0]!.status, { reachedPowerState: 'Stopped' })],
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
    ['has no answer of DHCP', (s) => s.leases.pop()],
    ['left over: answer of DHCP', (s) => s.leases.push('fa:16:3e:00:00:02')],
    ['h1 has promised 3 vCPUs', (s) => s.hosts.splice(0, 1, host({ vcpus: 3, ram: 128, disk: 1 }, 1))],
    ['256 MiB', (s) => s.hosts.splice(0, 1, host({ vcpus: 2, ram: 256, disk: 1 }, 1))],
    ['2 GiB', (s) => s.hosts.splice(0, 1, host({ vcpus: 2, ram: 128, disk: 2 }, 1))],
    ['for 2 servers, not 2 vCPUs', (s) => s.hosts.splice(0, 1, host({ vcpus: 2, ram: 128, disk: 1 }, 2))],
    ['is of no server', (s) => Object.assign(s.records[0]!.metadata, { ownerReferences: [] })],
    ['is Running with events', (s) => Object.assign(s.records[0]!.status!, { phase: 'Running' })],
    ['with events Success,Success', (s) => s.records[0]!.status!.events!.push(s.records[0]!.status!.events![0]!)],
    ['is given twice', (s) => s.ports[0]!.status!.fixedIPs!.push('10.0.0.2')],
    ['left over: managed save', (s) => s.saves.push('vm-11111111')],
    ['left over: half-made image', (s) => s.halfImages.push('disk')],
  ])('%s', (what, spoil) => {
    const seen = right()
    spoil(seen)
    expect(wrongs(seen).join('; ')).toContain(what)
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
  ] as const)('finds %s that outlived their server', (kind) => {
    expect(wrongs(gone({ ...right(), [kind]: right()[kind] }, kind))).not.toEqual([])
  })
})

/** The same cloud after its server was deleted; of `kept` everything is still there. */
function gone(seen: Right, kept?: keyof Right): Sight {
  const empty = { ...seen, ...Object.fromEntries(Object.keys(seen).map((key) => [key, []])) }
  const clean = { ...empty, instances: new Map(), starts: seen.starts, links: ['lo', 'eth0'] } as unknown as Sight
  return kept ? { ...clean, [kept]: seen[kept] } : clean
}

describe('unlike', () => {
  const none: Allowance = { actions: [], starts: 0 }
  const restored = { actions: ['start'], starts: 1 }
  /** After a reboot: another record, started once more. */
  const after = (starts: number, ...actions: string[]): Sight => ({
    ...right(),
    starts: new Map([['vm-11111111', starts]]),
    records: [...right().records, ...actions.map((action, i) => record(`vm-${i + 2}`, action))],
  })
  const story = stories['reboot HARD']
  const judge = (seen: Sight, allowed = none): string[] =>
    unlike({ story, server: 'vm', before: right(), after: seen, allowed })

  it('takes what the story does, and what a fault adds', () => {
    expect(judge(after(2, 'reboot'))).toEqual([])
    expect(judge(after(3, 'reboot', 'start'), restored)).toEqual([])
    expect(judge(after(2, 'reboot'), restored)).toEqual([])
  })

  it('records of another server go with it', () => {
    const other = { ...record('other-1', 'create'), spec: { server: 'other', action: 'create' } }
    const both = { ...right(), records: [...right().records, other] }
    const seen = after(2, 'reboot')
    expect(unlike({ story, server: 'vm', before: both, after: seen, allowed: none })).toEqual([])
  })

  it.each<[string, Sight]>([
    ['was started 2 times', after(3, 'reboot')],
    ['was started 0 times', after(1, 'reboot')],
    ['one more record: reboot', after(2, 'reboot', 'reboot')],
    ['one more record: start', after(2, 'reboot', 'start')],
    ['no record of reboot', after(2)],
    ['has lost record vm-1', { ...after(2), records: [record('vm-2', 'reboot')] }],
    ['is not there', gone(right())],
  ])('%s', (what, seen) => {
    expect(judge(seen).join('; ')).toContain(what)
  })

  it('a server that is to be gone is gone', () => {
    const told = { story: stories.delete, server: 'vm', before: right(), allowed: none }
    expect(unlike({ ...told, after: right() })).toEqual(['vm is there'])
    expect(unlike({ ...told, after: gone(right()) })).toEqual([])
  })
})

describe('unasked', () => {
  const lost = 'Error: leadership was lost: another controller leads now'

  it.each<[service: string, said: string, faults: FaultName[], wrong: boolean]>([
    ['controller', lost, ['kube-apiserver'], false],
    ['controller', lost, ['agent', 'etcd'], false],
    ['controller', lost, [], true],
    ['controller', lost, ['agent', 'controller', 'libvirtd', 'QEMU'], true],
    ['controller', 'TypeError: x is undefined', ['kube-apiserver'], true],
    ['agent-h1', lost, ['kube-apiserver'], true],
    ['agent-h1', 'TypeError: x is undefined', ['agent'], true],
  ])('%s that said %s, after %j', (service, said, faults, wrong) => {
    const found = unasked([{ service, said: `first\nsecond\nthird\n${said}` }], faults)
    expect(found).toEqual(wrong ? [`${service} ended by itself: second | third | ${said}`] : [])
  })
})
