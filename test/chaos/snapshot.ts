// Takes a snapshot of a cloud with one host: the objects of the API, and the state of the host, read without the
// product's code where possible.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Cloud } from '../rig/cloud.ts'
import type { Host } from '../rig/host.ts'
import type { Api, Objects } from './api.ts'

export interface Domain {
  name: string
  uuid: string
  /** libvirt's id of the running domain; undefined if it does not run. */
  id: number | undefined
  /** The state as virsh prints it: running, paused, shut off, saved, … */
  state: string
}

export interface Snapshot extends Objects {
  domains: Domain[]
  /** UUIDs on the command lines of QEMU processes. */
  qemus: string[]
  /** Those of them that have a rescue disk. */
  rescueQemus: string[]
  /** How often libvirt has started a QEMU for a domain, including restores, by the domain's name. */
  starts: ReadonlyMap<string, number>
  /** Names of the files in each server's directory, by the server's uid. */
  instances: ReadonlyMap<string, string[]>
  /** Names of the files in /run/kubenova. */
  sockets: string[]
  /** Domains that have a managed save. */
  saves: string[]
  /** Guests that the agent's network state has stored, and keys of networks with a DHCP folder. */
  guests: string[]
  dhcp: string[]
  /** MAC addresses in dnsmasq's hosts files, one entry per line. */
  leases: string[]
  /** Names of network interfaces and network namespaces. */
  links: string[]
  namespaces: string[]
  /** Names of taps in the host's nftables rules. */
  filtered: string[]
  /** Servers that pin an image in the cache, and files of unfinished images. */
  pins: string[]
  halfImages: string[]
}

export async function takeSnapshot(cloud: Cloud, api: Api, hostName = 'h1'): Promise<Snapshot> {
  const host = cloud.host(hostName)
  const [objects, domains, network] = await Promise.all([api.listObjects(), listDomains(host), readNetwork(host)])
  return { ...objects, domains, ...network, ...readFiles(host), ...listQemus(host), starts: countStarts(host) }
}

/** libvirt writes a line for each start to the domain's log, which it keeps after the domain's end. */
function countStarts(host: Host): Map<string, number> {
  const dir = join(host.home, 'var/log/libvirt/qemu')
  const logs = listNames(dir).filter((name) => name.endsWith('.log'))
  const count = (name: string) =>
    readFileSync(join(dir, name), 'utf8').split(': starting up libvirt version').length - 1
  return new Map(logs.map((name) => [name.slice(0, -'.log'.length), count(name)]))
}

/** Runs both lists in one virsh, because the process takes longer than the lists. */
async function listDomains(host: Host): Promise<Domain[]> {
  const lines = (await host.virsh('list --all --uuid --name; list --all --managed-save')).split('\n')
  const uuids = lines.flatMap((line) => {
    const [, uuid = '', name = ''] = /^([0-9a-f-]{36})\s+(\S+)/.exec(line) ?? []
    return uuid ? [{ uuid, name }] : []
  })
  return uuids.flatMap(({ uuid, name }) => {
    const [, id = '', state = ''] = lines.map((line) => linePattern(name).exec(line)).find(Boolean) ?? []
    // Without a state, the domain came or went between the two lists.
    return state ? [{ name, uuid, id: id === '-' ? undefined : Number(id), state: state.trim() }] : []
  })
}

/** A domain's name has no special character of regular expressions but the dot, which also matches itself. */
const linePattern = (name: string): RegExp => new RegExp(`^\\s*(\\d+|-)\\s+${name}\\s+(.+)$`)

/** By the command lines of the processes in the host's PID namespace. */
function listQemus(host: Host): Pick<Snapshot, 'qemus' | 'rescueQemus'> {
  const namespace = readlinkSync(`/proc/${host.pid}/ns/pid`)
  const found = readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      if (!argv[0]?.includes('qemu-system') || readlinkSync(`/proc/${pid}/ns/pid`) !== namespace) return []
      // A QEMU without a UUID is libvirt's probe of QEMU's capabilities.
      const hasRescueDisk = argv.some((word) => word.includes('/disk.rescue'))
      return argv.flatMap((word, i) => (word === '-uuid' ? [{ uuid: argv[i + 1] ?? '', hasRescueDisk }] : []))
    } catch {
      return [] // The process has ended since it was listed.
    }
  })
  return {
    qemus: found.map(({ uuid }) => uuid),
    rescueQemus: found.filter(({ hasRescueDisk }) => hasRescueDisk).map(({ uuid }) => uuid),
  }
}

async function readNetwork(host: Host): Promise<Pick<Snapshot, 'links' | 'namespaces' | 'filtered'>> {
  const script = 'ip -j link && echo && ip netns list && echo == && nft -s list ruleset'
  const [links = '', rest = ''] = (await host.exec(['sh', '-c', script])).split(/\n([^]*)/)
  const [namespaces = '', rules = ''] = rest.split('==\n')
  return {
    links: (JSON.parse(links) as { ifname: string }[]).map(({ ifname }) => ifname),
    namespaces: namespaces.split('\n').flatMap((line) => line.split(' ')[0] || []),
    filtered: [...new Set(rules.match(/\btap[0-9a-f-]{11}\b/g) ?? [])],
  }
}

function readFiles({
  home,
}: Host): Pick<Snapshot, 'instances' | 'sockets' | 'saves' | 'guests' | 'dhcp' | 'leases' | 'pins' | 'halfImages'> {
  const state = join(home, 'var/lib/kubenova')
  const servers = listNames(join(state, 'instances'))
  return {
    instances: new Map(servers.map((uid) => [uid, listNames(join(state, 'instances', uid)).toSorted()])),
    sockets: listNames(join(home, 'run/kubenova')),
    saves: listNames(join(home, 'var/lib/libvirt/qemu/save')).map((name) => name.replace(/\.save$/, '')),
    guests: listNames(join(state, 'net/guests')).map((name) => name.replace(/\.json$/, '')),
    dhcp: listNames(join(state, 'net/dhcp')),
    leases: listNames(join(state, 'net/dhcp')).flatMap((key) => readMacs(join(state, 'net/dhcp', key, 'hosts'))),
    halfImages: listNames(join(state, 'cache/work')).flatMap((key) => listNames(join(state, 'cache/work', key))),
    pins: listNames(join(state, 'cache/bases')).flatMap((key) => listNames(join(state, 'cache/bases', key, 'pins'))),
  }
}

function listNames(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch {
    return [] // The directory does not exist yet.
  }
}

/** The MAC at the beginning of each line of dnsmasq's hosts file. */
function readMacs(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').match(/^[0-9a-f:]{17}(?=,)/gm) ?? []
  } catch {
    return [] // The network has gone, or has no DHCP.
  }
}
