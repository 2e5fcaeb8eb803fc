// What is wrong with a cloud that should be at rest: pure, from what was seen of it. No wrongs: every server is as it is wished, exactly one
// domain runs for each, and nothing is there that no living server needs.
import { condition, type Hypervisor, type Server, type ServerAction } from '../../crds/index.ts'
import type { Objects } from './api.ts'
import type { Sight } from './sight.ts'
import { atRest } from './stories.ts'

const expectedFiles = ['console.log', 'disk', 'disk.config', 'disk.config.json', 'disks.json', 'owner.json']

export function wrongs(seen: Sight): string[] {
  return [...saidWrong(seen), ...seen.servers.flatMap((server) => ofHost(server, seen)), ...leftOver(seen)]
}

/** As much of it as the API tells. */
export function saidWrong(seen: Objects): string[] {
  return [
    ...seen.servers.flatMap(ofServer),
    ...seen.records.flatMap((record) => ofRecord(record, seen)),
    ...addressedTwice(seen),
    ...seen.hosts.flatMap((host) => ofClaims(host, seen)),
  ]
}

const uidOf = ({ metadata }: Server): string => metadata.uid ?? ''

/** Something that may be wrong. */
type Claim = [wrong: boolean, what: string]

const held = ({ metadata }: Server, claims: readonly Claim[]): string[] =>
  claims.flatMap(([wrong, what]) => (wrong ? [`${metadata.name} ${what}`] : []))

function ofServer(server: Server): string[] {
  const { metadata, spec, status = {} } = server
  const wanted = atRest[spec.powerState]
  const ready = condition(status.conditions, 'Ready')
  return held(server, [
    [metadata.deletionTimestamp !== undefined, 'is being deleted'],
    [status.observedGeneration !== metadata.generation, 'has not been seen in its newest generation'],
    [status.vmState !== wanted.vmState, `is ${status.vmState}, not ${wanted.vmState}`],
    [status.taskState !== undefined, `is ${status.taskState}`],
    [ready?.status !== 'True', `is not Ready: ${ready?.reason}: ${ready?.message}`],
    [status.reachedPowerState !== spec.powerState, `has settled at ${status.reachedPowerState}`],
    [status.fault !== undefined, `has a fault: ${status.fault?.message}`],
  ])
}

/** What the host must have for it. */
function ofHost(server: Server, seen: Sight): string[] {
  const uid = uidOf(server)
  const wanted = atRest[server.spec.powerState].domain
  const runs = wanted === 'running' || wanted === 'paused'
  const domains = seen.domains.filter(({ uuid }) => uuid === uid)
  const qemus = seen.qemus.filter((uuid) => uuid === uid).length
  const files = (seen.instances.get(uid) ?? []).join(' ')
  const taps = tapsOf(server).filter((tap) => seen.links.includes(tap))
  const lacking = (names: string[], what: string): Claim => [!names.includes(uid), `has no ${what}`]
  const ports = seen.ports.filter(({ metadata }) => metadata.ownerReferences?.[0]?.uid === uid)
  return held(server, [
    [domains.length !== 1, `has ${domains.length} domains`],
    [domains.some(({ state }) => state !== wanted), `its domain is ${domains.map(({ state }) => state).join()}`],
    [qemus !== (runs ? 1 : 0), `has ${qemus} QEMU processes`],
    [files !== expectedFiles.join(' '), `has these files: ${files}`],
    [taps.length !== (runs ? tapsOf(server).length : 0), `has ${taps.length} taps`],
    [ports.length !== tapsOf(server).length, `has ${ports.length} Ports`],
    [runs && !seen.sockets.includes(`${uid}.vnc`), 'has no VNC socket'],
    lacking(seen.guests, 'entry in the host’s network'),
    lacking(seen.pins, 'pin on its image'),
    [!macsOf(server).every((mac) => seen.leases.includes(mac)), 'has no answer of DHCP'],
  ])
}

const tapsOf = ({ status }: Server): string[] =>
  (status?.instance?.interfaces ?? []).map(({ portId }) => `tap${portId.slice(0, 11)}`)

const keysOf = ({ status }: Server): string[] =>
  (status?.instance?.interfaces ?? []).map(({ networkId }) => networkId.replaceAll('-', '').slice(0, 12))

const macsOf = ({ status }: Server): string[] =>
  (status?.instance?.interfaces ?? []).map(({ macAddress }) => macAddress)

/** What a host is said to have promised, against the flavors of the servers that are on it. */
function ofClaims({ metadata, status = {} }: Hypervisor, { servers }: Objects): string[] {
  const here = servers.filter((server) => server.status?.host === metadata.name)
  const sum = (of: 'vcpus' | 'ram' | 'disk'): number =>
    here.reduce((all, server) => all + (server.status?.instance?.flavor[of] ?? 0), 0)
  const told = (vcpus = 0, ram = 0, disk = 0, count = 0): string =>
    `${vcpus} vCPUs, ${ram} MiB, ${disk} GiB for ${count} servers`
  const said = told(status.used?.vcpus, status.used?.ram, status.used?.disk, status.servers)
  const is = told(sum('vcpus'), sum('ram'), sum('disk'), here.length)
  return said === is ? [] : [`${metadata.name} has promised ${said}, not ${is}`]
}

/** Each has ended, with one event that says the same. */
function ofRecord({ metadata, spec, status }: ServerAction, { servers }: Objects): string[] {
  const name = `record ${metadata.name} (${spec.action})`
  const owner = servers.find(({ metadata: { uid } }) => uid === metadata.ownerReferences?.[0]?.uid)
  const results = (status?.events ?? []).map(({ result }) => result).join()
  if (!owner) return [`${name} is of no server`]
  if (status?.phase === 'Succeeded' && results === 'Success') return []
  return [`${name} is ${status?.phase} with events ${results || 'none'}: ${status?.message}`]
}

/** What belongs to no server that lives. */
function leftOver(seen: Sight): string[] {
  const { servers } = seen
  const uids = servers.map(uidOf)
  const taps = servers.flatMap(tapsOf)
  const keys = servers.flatMap(keysOf)
  const devices = seen.links.filter((link) => /^(kn|kd|tap)/.test(link))
  const saved = seen.domains.filter(({ state }) => state === 'saved').map(({ name }) => name)
  const kinds: [what: string, there: readonly string[], needed: readonly string[]][] = [
    ['domain', seen.domains.map(({ uuid }) => uuid), uids],
    ['QEMU', seen.qemus, uids],
    ['directory', [...seen.instances.keys()], uids],
    ['socket', seen.sockets, uids.map((uid) => `${uid}.vnc`)],
    ['managed save', seen.saves, saved],
    ['network entry', seen.guests, uids],
    ['DHCP folder', seen.dhcp, keys],
    ['answer of DHCP', seen.leases, servers.flatMap(macsOf)],
    ['device', devices, [...taps, ...keys.flatMap((key) => [`kn${key}`, `kd${key}`])]],
    ['network namespace', seen.namespaces, keys.map((key) => `kubenova-${key}`)],
    ['filter', seen.filtered, taps],
    ['pin of an image', seen.pins, uids],
    ['half-made image', seen.halfImages, []],
    ['Port', seen.ports.map(({ metadata }) => metadata.ownerReferences?.[0]?.uid ?? ''), uids],
  ]
  return kinds.flatMap(([what, there, needed]) =>
    there.filter((name) => !needed.includes(name)).map((name) => `left over: ${what} ${name}`),
  )
}

function addressedTwice({ ports }: Objects): string[] {
  const addresses = ports.flatMap(({ status }) => status?.fixedIPs ?? [])
  return addresses.filter((a, i) => addresses.indexOf(a) !== i).map((address) => `${address} is given twice`)
}
