// A snapshot of a cloud with one host: the API objects, and the state of the host, read without Kubenova's own code
// where possible.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Cloud } from '../rig/cloud.ts'
import type { Host } from '../rig/host.ts'
import type { Api, Objects } from './api.ts'

export interface Domain {
  name: string
  uuid: string
  /** libvirt's ID; undefined if the domain does not run. */
  id: number | undefined
  /** As virsh prints it: running, paused, shut off, saved, … */
  state: string
}

export interface Snapshot extends Objects {
  domains: Domain[]
  qemus: string[]
  /** UUIDs of the QEMU processes that have a rescue disk. */
  rescueQemus: string[]
  /** How often libvirt has started QEMU for a domain, by the domain's name. Includes restores from saved memory. */
  starts: ReadonlyMap<string, number>
  /** Names of the files in each server's directory, by the server's UID. */
  instances: ReadonlyMap<string, string[]>
  /** Names of the files in /run/kubenova. */
  sockets: string[]
  saves: string[]
  /**
   * `guests`: UIDs of the servers in the agent's stored network state. `dhcp`: folders with the DHCP files, one per
   * network.
   */
  guests: string[]
  dhcp: string[]
  /** MAC addresses in the lines of dnsmasq's hosts files. */
  leases: string[]
  links: string[]
  namespaces: string[]
  /** Taps in the host's nftables rules. */
  filtered: string[]
  /**
   * `pins`: names of the files that keep an image in the cache while a server uses it: the server's UID, or UID.rescue.
   * `halfImages`: files of unfinished images.
   */
  pins: string[]
  halfImages: string[]
}

export async function takeSnapshot(cloud: Cloud, api: Api, hostName = 'h1'): Promise<Snapshot> {
  const host = cloud.host(hostName)
  const [objects, domains, network] = await Promise.all([api.listObjects(), listDomains(host), readNetwork(host)])
  return { ...objects, domains, ...network, ...readFiles(host), ...listQemus(host), starts: countStarts(host) }
}

/** libvirt's log of a domain has a line per start, and outlives the domain. */
function countStarts(host: Host): Map<string, number> {
  const dir = join(host.home, 'var/log/libvirt/qemu')
  const logs = listNames(dir).filter((name) => name.endsWith('.log'))
  const count = (name: string) =>
    readFileSync(join(dir, name), 'utf8').split(': starting up libvirt version').length - 1
  return new Map(logs.map((name) => [name.slice(0, -'.log'.length), count(name)]))
}

/** Runs both lists in one virsh process, because starting virsh takes long. */
async function listDomains(host: Host): Promise<Domain[]> {
  const lines = (await host.virsh('list --all --uuid --name; list --all --managed-save')).split('\n')
  const uuids = lines.flatMap((line) => {
    const [, uuid = '', name = ''] = /^([0-9a-f-]{36})\s+(\S+)/.exec(line) ?? []
    return uuid ? [{ uuid, name }] : []
  })
  return uuids.flatMap(({ uuid, name }) => {
    const [, id = '', state = ''] = lines.map((line) => linePattern(name).exec(line)).find(Boolean) ?? []
    // A domain without a state was created or deleted between the two lists.
    return state ? [{ name, uuid, id: id === '-' ? undefined : Number(id), state: state.trim() }] : []
  })
}

/** The name needs no escaping: its only special character is the dot, which matches itself. */
const linePattern = (name: string): RegExp => new RegExp(`^\\s*(\\d+|-)\\s+${name}\\s+(.+)$`)

function listQemus(host: Host): Pick<Snapshot, 'qemus' | 'rescueQemus'> {
  const namespace = readlinkSync(`/proc/${host.pid}/ns/pid`)
  const found = readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      if (!argv[0]?.includes('qemu-system') || readlinkSync(`/proc/${pid}/ns/pid`) !== namespace) return []
      // A QEMU without a UUID is one with which libvirt probes capabilities; it is left out.
      const hasRescueDisk = argv.some((word) => word.includes('/disk.rescue'))
      return argv.flatMap((word, i) => (word === '-uuid' ? [{ uuid: argv[i + 1] ?? '', hasRescueDisk }] : []))
    } catch {
      return [] // The process has ended since /proc was listed.
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

function readMacs(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').match(/^[0-9a-f:]{17}(?=,)/gm) ?? []
  } catch {
    return [] // The network is gone, or has no DHCP.
  }
}
