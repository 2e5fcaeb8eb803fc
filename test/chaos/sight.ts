// All that can be seen of a cloud with one host at one time: what the API says, and what is on the host, found without our own code where it can be.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Cloud } from '../rig/cloud.ts'
import type { Host } from '../rig/host.ts'
import type { Api, Objects } from './api.ts'

export interface Domain {
  name: string
  uuid: string
  /** libvirt's number of this run of the domain; undefined: it does not run. */
  id: number | undefined
  /** As virsh says it: running, paused, shut off, saved, … */
  state: string
}

export interface Sight extends Objects {
  domains: Domain[]
  /** uuids that QEMU processes were started with. */
  qemus: string[]
  /** How often libvirt has started a QEMU for a domain, by its name; also to restore it. */
  starts: ReadonlyMap<string, number>
  /** By directory of a server, the names in it. */
  instances: ReadonlyMap<string, string[]>
  /** Names in /run/kubenova. */
  sockets: string[]
  /** Domains that have a managed save. */
  saves: string[]
  /** Servers that the host's network remembers, and networks that it serves. */
  guests: string[]
  dhcp: string[]
  /** MAC addresses that DHCP answers, once for each line. */
  leases: string[]
  /** Names of network interfaces and network namespaces. */
  links: string[]
  namespaces: string[]
  /** Names of taps in the host's filters. */
  filtered: string[]
  /** Servers that keep an image in the cache, and what is there of images in the making. */
  pins: string[]
  halfImages: string[]
}

export async function look(cloud: Cloud, api: Api, hostName = 'h1'): Promise<Sight> {
  const host = cloud.host(hostName)
  const [objects, domains, network] = await Promise.all([api.objects(), domainsOf(host), networkOf(host)])
  return { ...objects, domains, ...network, ...filesOf(host), qemus: qemusOf(host), starts: startsOf(host) }
}

/** libvirt writes a line for each start into the domain's own log, and keeps that. */
function startsOf(host: Host): Map<string, number> {
  const dir = join(host.home, 'var/log/libvirt/qemu')
  const logs = names(dir).filter((name) => name.endsWith('.log'))
  const count = (name: string) =>
    readFileSync(join(dir, name), 'utf8').split(': starting up libvirt version').length - 1
  return new Map(logs.map((name) => [name.slice(0, -'.log'.length), count(name)]))
}

/** One virsh for both lists: a process takes longer than what it asks. */
async function domainsOf(host: Host): Promise<Domain[]> {
  const lines = (await host.virsh('list --all --uuid --name; list --all --managed-save')).split('\n')
  const uuids = lines.flatMap((line) => {
    const [, uuid = '', name = ''] = /^([0-9a-f-]{36})\s+(\S+)/.exec(line) ?? []
    return uuid ? [{ uuid, name }] : []
  })
  return uuids.flatMap(({ uuid, name }) => {
    const [, id = '', state = ''] = lines.map((line) => pattern(name).exec(line)).find(Boolean) ?? []
    // It came or went between the two lists.
    return state ? [{ name, uuid, id: id === '-' ? undefined : Number(id), state: state.trim() }] : []
  })
}

/** Our names of domains have no character that means anything in a pattern but the dot, which then also matches itself. */
const pattern = (name: string): RegExp => new RegExp(`^\\s*(\\d+|-)\\s+${name}\\s+(.+)$`)

/** By the command lines of the processes in the host's PID namespace. */
function qemusOf(host: Host): string[] {
  const namespace = readlinkSync(`/proc/${host.pid}/ns/pid`)
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      if (!argv[0]?.includes('qemu-system') || readlinkSync(`/proc/${pid}/ns/pid`) !== namespace) return []
      // Without a uuid it is one of libvirt's probes of what QEMU can do.
      return argv.flatMap((word, i) => (word === '-uuid' ? (argv[i + 1] ?? '') : []))
    } catch {
      return [] // it has ended since it was listed
    }
  })
}

async function networkOf(host: Host): Promise<Pick<Sight, 'links' | 'namespaces' | 'filtered'>> {
  const script = 'ip -j link && echo && ip netns list && echo == && nft -s list ruleset'
  const [links = '', rest = ''] = (await host.exec(['sh', '-c', script])).split(/\n([^]*)/)
  const [namespaces = '', rules = ''] = rest.split('==\n')
  return {
    links: (JSON.parse(links) as { ifname: string }[]).map(({ ifname }) => ifname),
    namespaces: namespaces.split('\n').flatMap((line) => line.split(' ')[0] || []),
    filtered: [...new Set(rules.match(/\btap[0-9a-f-]{11}\b/g) ?? [])],
  }
}

function filesOf({
  home,
}: Host): Pick<Sight, 'instances' | 'sockets' | 'saves' | 'guests' | 'dhcp' | 'leases' | 'pins' | 'halfImages'> {
  const state = join(home, 'var/lib/kubenova')
  const servers = names(join(state, 'instances'))
  return {
    instances: new Map(servers.map((uid) => [uid, names(join(state, 'instances', uid)).toSorted()])),
    sockets: names(join(home, 'run/kubenova')),
    saves: names(join(home, 'var/lib/libvirt/qemu/save')).map((name) => name.replace(/\.save$/, '')),
    guests: names(join(state, 'net/guests')).map((name) => name.replace(/\.json$/, '')),
    dhcp: names(join(state, 'net/dhcp')),
    leases: names(join(state, 'net/dhcp')).flatMap((key) => macsIn(join(state, 'net/dhcp', key, 'hosts'))),
    halfImages: names(join(state, 'cache/work')).flatMap((key) => names(join(state, 'cache/work', key))),
    pins: names(join(state, 'cache/bases')).flatMap((key) => names(join(state, 'cache/bases', key, 'pins'))),
  }
}

function names(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch {
    return [] // not made yet
  }
}

/** Each line of dnsmasq's hosts file begins with one. */
function macsIn(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').match(/^[0-9a-f:]{17}(?=,)/gm) ?? []
  } catch {
    return [] // its network has gone, or has no DHCP
  }
}
