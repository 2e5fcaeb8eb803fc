// Takes a snapshot of a cloud with one host: the API objects, and the state of the host. Reads the state of the host
// without Kubenova's own code where possible.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Cloud } from '../rig/cloud.ts'
import type { Host } from '../rig/host.ts'
import type { Api, Objects } from './api.ts'

export interface Domain {
  name: string
  uuid: string
  /** libvirt's ID of the running domain; undefined if the domain does not run. */
  id: number | undefined
  /** The state as virsh prints it: running, paused, shut off, saved, … */
  state: string
}

export interface Snapshot extends Objects {
  domains: Domain[]
  /** The UUID of each QEMU process, from its command line. */
  qemus: string[]
  /** The UUIDs of the QEMU processes that have a rescue disk. */
  rescueQemus: string[]
  /** How often libvirt has started QEMU for a domain, by the domain's name. Includes restores from saved memory. */
  starts: ReadonlyMap<string, number>
  /** Names of the files in each server's directory, by the server's UID. */
  instances: ReadonlyMap<string, string[]>
  /** Names of the files in /run/kubenova. */
  sockets: string[]
  /** Names of the domains that have a managed save. */
  saves: string[]
  /**
   * `guests`: UIDs of the servers in the network state that the agent stores. `dhcp`: names of the folders in which the
   * agent keeps the DHCP files, one per network.
   */
  guests: string[]
  dhcp: string[]
  /** MAC addresses to which dnsmasq gives an address: one for each line of its hosts files. */
  leases: string[]
  /** `links`: names of the network interfaces. `namespaces`: names of the network namespaces. */
  links: string[]
  namespaces: string[]
  /** Names of taps that occur in the host's nftables rules. */
  filtered: string[]
  /**
   * `pins`: names of the pin files. A pin file keeps an image in the cache while a server uses the image. Its name is
   * the server's UID, or UID.rescue. `halfImages`: files of unfinished images.
   */
  pins: string[]
  halfImages: string[]
}

export async function takeSnapshot(cloud: Cloud, api: Api, hostName = 'h1'): Promise<Snapshot> {
  const host = cloud.host(hostName)
  const [objects, domains, network] = await Promise.all([api.listObjects(), listDomains(host), readNetwork(host)])
  return { ...objects, domains, ...network, ...readFiles(host), ...listQemus(host), starts: countStarts(host) }
}

/**
 * Counts how often QEMU was started for each domain. Reads libvirt's log of each domain, to which libvirt adds a line
 * per start. libvirt keeps the log of a domain that is gone.
 */
function countStarts(host: Host): Map<string, number> {
  const dir = join(host.home, 'var/log/libvirt/qemu')
  const logs = listNames(dir).filter((name) => name.endsWith('.log'))
  const count = (name: string) =>
    readFileSync(join(dir, name), 'utf8').split(': starting up libvirt version').length - 1
  return new Map(logs.map((name) => [name.slice(0, -'.log'.length), count(name)]))
}

/** Runs both `list` commands in one virsh process, because starting virsh takes long. */
async function listDomains(host: Host): Promise<Domain[]> {
  const lines = (await host.virsh('list --all --uuid --name; list --all --managed-save')).split('\n')
  const uuids = lines.flatMap((line) => {
    const [, uuid = '', name = ''] = /^([0-9a-f-]{36})\s+(\S+)/.exec(line) ?? []
    return uuid ? [{ uuid, name }] : []
  })
  return uuids.flatMap(({ uuid, name }) => {
    const [, id = '', state = ''] = lines.map((line) => linePattern(name).exec(line)).find(Boolean) ?? []
    // A domain without a state was created or deleted between the two lists. Leave it out.
    return state ? [{ name, uuid, id: id === '-' ? undefined : Number(id), state: state.trim() }] : []
  })
}

/**
 * Matches the line of a domain in `virsh list`. The name needs no escaping: its only special character is the dot,
 * which matches itself.
 */
const linePattern = (name: string): RegExp => new RegExp(`^\\s*(\\d+|-)\\s+${name}\\s+(.+)$`)

/** Finds the QEMU processes in the host's PID namespace by their command lines. */
function listQemus(host: Host): Pick<Snapshot, 'qemus' | 'rescueQemus'> {
  const namespace = readlinkSync(`/proc/${host.pid}/ns/pid`)
  const found = readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      if (!argv[0]?.includes('qemu-system') || readlinkSync(`/proc/${pid}/ns/pid`) !== namespace) return []
      // libvirt also starts QEMU to probe its capabilities. Such a QEMU has no UUID and is left out.
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

/** Returns the MAC address of each line of dnsmasq's hosts file. */
function readMacs(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').match(/^[0-9a-f:]{17}(?=,)/gm) ?? []
  } catch {
    return [] // The network is gone, or has no DHCP.
  }
}
