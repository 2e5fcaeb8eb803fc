import { findCondition, type Hypervisor, type Server, type ServerAction } from '../../crds/index.ts'
import type { Objects } from './api.ts'
import type { Snapshot } from './snapshot.ts'
import { convergedStates, stateOf } from './stories.ts'

const ownFiles = ['console.log', 'disk', 'disk.config', 'disk.config.json', 'disks.json', 'owner.json']
const rescueFiles = ['disk.rescue', 'rescue.json']

const isRescued = (server: Server): boolean => stateOf(server) === 'Rescued'
const filesOf = (server: Server): string[] => [...ownFiles, ...(isRescued(server) ? rescueFiles : [])].toSorted()
const pinsOf = (server: Server): string[] => [uidOf(server), ...(isRescued(server) ? [`${uidOf(server)}.rescue`] : [])]

export function findViolations(snapshot: Snapshot): string[] {
  const ofServers = snapshot.servers.flatMap((server) => findHostViolations(server, snapshot))
  return [...findApiViolations(snapshot), ...ofServers, ...findOrphans(snapshot)]
}

/** Finds violations in the API objects alone. */
export function findApiViolations(objects: Objects): string[] {
  return [
    ...objects.servers.flatMap(findStatusViolations),
    ...objects.records.flatMap((record) => findRecordViolations(record, objects)),
    ...findDuplicateAddresses(objects),
    ...objects.hosts.flatMap((host) => findUsageViolations(host, objects)),
  ]
}

const uidOf = ({ metadata }: Server): string => metadata.uid ?? ''

type Check = [isViolated: boolean, description: string]

const describeViolations = ({ metadata }: Server, checks: readonly Check[]): string[] =>
  checks.flatMap(([isViolated, description]) => (isViolated ? [`${metadata.name} ${description}`] : []))

function findStatusViolations(server: Server): string[] {
  const { metadata, spec, status = {} } = server
  const expected = convergedStates[stateOf(server)]
  const ready = findCondition(status.conditions, 'Ready')
  return describeViolations(server, [
    [metadata.deletionTimestamp !== undefined, 'is being deleted'],
    [status.observedGeneration !== metadata.generation, 'has not been observed in its newest generation'],
    [status.vmState !== expected.vmState, `is ${status.vmState}, not ${expected.vmState}`],
    [status.taskState !== undefined, `is ${status.taskState}`],
    [
      isRescued(server) ? ready?.reason !== 'Rescued' : ready?.status !== 'True',
      `is not Ready: ${ready?.reason}: ${ready?.message}`,
    ],
    [status.reachedPowerState !== spec.powerState, `has reached ${status.reachedPowerState}`],
    [status.fault !== undefined, `has a fault: ${status.fault?.message}`],
  ])
}

/**
 * Checks that the host has exactly what the server needs. Pins are files that keep the server's images in the cache.
 */
function findHostViolations(server: Server, snapshot: Snapshot): string[] {
  const uid = uidOf(server)
  const expected = convergedStates[stateOf(server)].domain
  const hasQemu = expected === 'running' || expected === 'paused'
  const domains = snapshot.domains.filter(({ uuid }) => uuid === uid)
  const qemus = snapshot.qemus.filter((uuid) => uuid === uid).length
  const files = (snapshot.instances.get(uid) ?? []).join(' ')
  const taps = tapsOf(server).filter((tap) => snapshot.links.includes(tap))
  const missing = (names: string[], what: string): Check => [!names.includes(uid), `has no ${what}`]
  const ports = snapshot.ports.filter(({ metadata }) => metadata.ownerReferences?.[0]?.uid === uid)
  return describeViolations(server, [
    [domains.length !== 1, `has ${domains.length} domains`],
    [domains.some(({ state }) => state !== expected), `its domain is ${domains.map(({ state }) => state).join()}`],
    [qemus !== (hasQemu ? 1 : 0), `has ${qemus} QEMU processes`],
    [files !== filesOf(server).join(' '), `has these files: ${files}`],
    [isRescued(server) !== snapshot.rescueQemus.includes(uid), 'runs from the wrong disk'],
    [taps.length !== (hasQemu ? tapsOf(server).length : 0), `has ${taps.length} taps`],
    [ports.length !== tapsOf(server).length, `has ${ports.length} Ports`],
    [hasQemu && !snapshot.sockets.includes(`${uid}.vnc`), 'has no VNC socket'],
    missing(snapshot.guests, 'entry in the host’s network'),
    [!pinsOf(server).every((pin) => snapshot.pins.includes(pin)), 'has no pin on its image'],
    [!macsOf(server).every((mac) => snapshot.leases.includes(mac)), 'has no line in DHCP’s hosts'],
  ])
}

const tapsOf = ({ status }: Server): string[] =>
  (status?.instance?.interfaces ?? []).map(({ portId }) => `tap${portId.slice(0, 11)}`)

const keysOf = ({ status }: Server): string[] =>
  (status?.instance?.interfaces ?? []).map(({ networkId }) => networkId.replaceAll('-', '').slice(0, 12))

const macsOf = ({ status }: Server): string[] =>
  (status?.instance?.interfaces ?? []).map(({ macAddress }) => macAddress)

function findUsageViolations({ metadata, status = {} }: Hypervisor, { servers }: Objects): string[] {
  const here = servers.filter((server) => server.status?.host === metadata.name)
  const sum = (of: 'vcpus' | 'ram' | 'disk'): number =>
    here.reduce((all, server) => all + (server.status?.instance?.flavor[of] ?? 0), 0)
  const describeUsage = (vcpus = 0, ram = 0, disk = 0, count = 0): string =>
    `${vcpus} vCPUs, ${ram} MiB, ${disk} GiB for ${count} servers`
  const reported = describeUsage(status.used?.vcpus, status.used?.ram, status.used?.disk, status.servers)
  const actual = describeUsage(sum('vcpus'), sum('ram'), sum('disk'), here.length)
  return reported === actual ? [] : [`${metadata.name} reports ${reported}, not ${actual}`]
}

function findRecordViolations(record: ServerAction, { servers }: Objects): string[] {
  const { metadata, spec, status } = record
  const name = `record ${metadata.name} (${spec.action})`
  if (status?.deletedServer) return findDeletionViolations(name, status.phase, hasServer(servers, status.deletedServer))
  const owner = servers.find(({ metadata: { uid } }) => uid === metadata.ownerReferences?.[0]?.uid)
  const results = (status?.events ?? []).map(({ result }) => result).join()
  if (!owner) return [`${name} has no server`]
  if (status?.phase === 'Succeeded' && results === 'Success') return []
  return [`${name} is ${status?.phase} with events ${results || 'none'}: ${status?.message}`]
}

const hasServer = (servers: readonly Server[], { uid }: { uid: string }): boolean =>
  servers.some((server) => uidOf(server) === uid)

const findDeletionViolations = (name: string, phase: string | undefined, isThere: boolean): string[] =>
  phase === 'Succeeded' && !isThere ? [] : [`${name} is ${phase}; its server is gone: ${!isThere}`]

function findOrphans(snapshot: Snapshot): string[] {
  const { servers } = snapshot
  const uids = servers.map(uidOf)
  const taps = servers.flatMap(tapsOf)
  const keys = servers.flatMap(keysOf)
  const devices = snapshot.links.filter((link) => /^(kn|kd|tap)/.test(link))
  const saved = snapshot.domains.filter(({ state }) => state === 'saved').map(({ name }) => name)
  const kinds: [kind: string, existing: readonly string[], needed: readonly string[]][] = [
    ['domain', snapshot.domains.map(({ uuid }) => uuid), uids],
    ['QEMU', snapshot.qemus, uids],
    ['directory', [...snapshot.instances.keys()], uids],
    ['socket', snapshot.sockets, uids.map((uid) => `${uid}.vnc`)],
    ['managed save', snapshot.saves, saved],
    ['network entry', snapshot.guests, uids],
    ['DHCP folder', snapshot.dhcp, keys],
    ['line in DHCP’s hosts', snapshot.leases, servers.flatMap(macsOf)],
    ['device', devices, [...taps, ...keys.flatMap((key) => [`kn${key}`, `kd${key}`])]],
    ['network namespace', snapshot.namespaces, keys.map((key) => `kubenova-${key}`)],
    ['filter', snapshot.filtered, taps],
    ['pin of an image', snapshot.pins, servers.flatMap(pinsOf)],
    ['unfinished image', snapshot.halfImages, []],
    ['Port', snapshot.ports.map(({ metadata }) => metadata.ownerReferences?.[0]?.uid ?? ''), uids],
  ]
  return kinds.flatMap(([kind, existing, needed]) =>
    existing.filter((name) => !needed.includes(name)).map((name) => `orphan: ${kind} ${name}`),
  )
}

function findDuplicateAddresses({ ports }: Objects): string[] {
  const addresses = ports.flatMap(({ status }) => status?.fixedIPs ?? [])
  return addresses.filter((a, i) => addresses.indexOf(a) !== i).map((address) => `${address} is allocated twice`)
}
