// A bridge in the root network namespace, with an address in a private range that nothing else on this machine uses.
// Global settings (ip_forward, firewall) stay unchanged.
import { createHash } from 'node:crypto'
import { runCommand } from './process.ts'

/** Six hex digits that make the names of bridges unique on this machine. */
export function cloudId(dir: string): string {
  return createHash('sha256').update(dir).digest('hex').slice(0, 6)
}

export function bridgeName(dir: string): string {
  return `kn${cloudId(dir)}`
}

/**
 * The outer end of a host's veth pair. A hash stands for the host's name, because interface names are limited to 15
 * characters.
 */
export function vethName(dir: string, host: string): string {
  return `${bridgeName(dir)}-${createHash('sha256').update(host).digest('hex').slice(0, 6)}`
}

export interface Bridge {
  name: string
  /** Address of the bridge, 10.231.N.1. The API server listens on it. */
  address: string
  /** First three numbers of all addresses on the bridge: 10.231.N. */
  prefix: string
}

interface Link {
  ifname: string
  addr_info?: { local?: string }[]
}

const listAddresses = async () => JSON.parse(await runCommand(['ip', '-4', '-j', 'address', 'show'])) as Link[]

/** Returns the prefixes 10.231.N that no address and no route uses, beginning with N = `seed`. */
export function freePrefixes(seed: number, addresses: readonly string[], routes: readonly string[]): string[] {
  const used = [...addresses, ...routes]
  return Array.from({ length: 256 }, (_, i) => `10.231.${(seed + i) % 256}`).filter(
    (prefix) => !used.some((address) => address.startsWith(`${prefix}.`)),
  )
}

export async function ensureBridge(dir: string): Promise<Bridge> {
  const name = bridgeName(dir)
  const existing = await listAddresses()
  const own = existing.find((link) => link.ifname === name)?.addr_info?.[0]?.local
  if (own) return { name, address: own, prefix: own.slice(0, own.lastIndexOf('.')) }
  const addresses = existing.flatMap((link) => link.addr_info ?? []).flatMap((a) => a.local ?? [])
  const routes = (
    JSON.parse(await runCommand(['ip', '-4', '-j', 'route', 'show', 'table', 'all'])) as { dst: string }[]
  ).map((route) => route.dst)
  const [prefix] = freePrefixes(Number.parseInt(cloudId(dir).slice(0, 2), 16), addresses, routes)
  if (!prefix) throw new Error('no network 10.231.N.0/24 is free on this machine')
  await removeLink(name)
  await runCommand(['ip', 'link', 'add', name, 'type', 'bridge', 'stp_state', '0', 'forward_delay', '0'])
  await runCommand(['ip', 'address', 'add', `${prefix}.1/24`, 'dev', name])
  await runCommand(['ip', 'link', 'set', name, 'up'])
  return { name, address: `${prefix}.1`, prefix }
}

export async function plugIntoBridge(options: {
  veth: string
  bridge: string
  pid: number
  address: string
}): Promise<void> {
  const { veth, bridge, pid, address } = options
  const inside = ['nsenter', '--target', `${pid}`, '--net', 'ip']
  await removeLink(veth)
  await runCommand(['ip', 'link', 'add', veth, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${pid}`])
  await runCommand(['ip', 'link', 'set', veth, 'master', bridge, 'up'])
  await runCommand([...inside, 'address', 'add', address, 'dev', 'eth0'])
  await runCommand([...inside, 'link', 'set', 'eth0', 'up'])
}

export async function hasLink(name: string): Promise<boolean> {
  const all = JSON.parse(await runCommand(['ip', '-j', 'link', 'show'])) as Link[]
  return all.some((link) => link.ifname === name)
}

export async function removeLink(name: string): Promise<void> {
  try {
    await runCommand(['ip', 'link', 'delete', name])
  } catch (error) {
    // The kernel removes a veth together with its network namespace, so it may already be gone.
    if (await hasLink(name)) throw error
  }
}

/** Also removes the veth pairs that a crashed test has left on the bridge. */
export async function removeNetwork(dir: string): Promise<void> {
  const name = bridgeName(dir)
  const all = JSON.parse(await runCommand(['ip', '-j', 'link', 'show'])) as Link[]
  for (const { ifname } of all) if (ifname.startsWith(`${name}-`)) await removeLink(ifname)
  await removeLink(name)
}
