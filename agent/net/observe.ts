import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findDnsmasqPids } from './dnsmasq-processes.ts'
import { parseLinks } from './links.ts'
import { DHCP_DEVICE, dhcpPortName, namespaceName, networkKeyFromDeviceName } from './names.ts'
import { CommandFailed, type RunProgram } from './run.ts'
import type { DnsmasqConfig, Observed, ObservedDhcp } from './types.ts'

export interface ObserveOptions {
  readonly runProgram: RunProgram
  /** Each network has a folder for dnsmasq's files in it. */
  readonly root: string
  /** Keys (names.ts) of the networks whose DHCP namespaces are read. */
  readonly keys: NetworkKeys
  /**
   * The last observation. Its namespaces are used again if they have not changed, see {@link areNamespacesUnchanged}.
   * Must be undefined if the agent has changed a device after that observation.
   */
  readonly previous?: Devices | undefined
  readonly signal: AbortSignal
}

type NetworkKeys = ReadonlySet<string>

export type Devices = Pick<Observed, 'links' | 'namespaces'>

/** Observes everything except the nftables rules. */
export async function observe({
  runProgram,
  root,
  keys,
  previous,
  signal,
}: ObserveOptions): Promise<Omit<Observed, 'rules'>> {
  const [links, dhcp] = await Promise.all([
    runProgram(['ip', '-json', '-details', 'address', 'show'], { signal }).then(parseLinks),
    observeDhcp(root),
  ])
  const isUnchanged = previous !== undefined && areNamespacesUnchanged(previous, links, keys)
  const namespaces = isUnchanged ? previous.namespaces : await observeNamespaces(runProgram, keys, signal)
  return { links, namespaces, dhcp }
}

/**
 * Looks only at the host's ends of the veth pairs, to avoid running a program in each namespace. Finds a deleted
 * namespace (the host's end is gone) and an inner end that is down (no carrier), but no other change. Pure.
 */
export function areNamespacesUnchanged(
  { links: previousLinks, namespaces }: Devices,
  links: Observed['links'],
  keys: NetworkKeys,
): boolean {
  const isSame = (key: string): boolean => {
    const [was, is] = [previousLinks.get(dhcpPortName(key)), links.get(dhcpPortName(key))]
    return was !== undefined && is !== undefined && was.index === is.index && is.up && is.carrier
  }
  const isKnown = (key: string): boolean =>
    namespaces.has(key) ? typeof namespaces.get(key) === 'object' : !links.has(dhcpPortName(key))
  return [...namespaces.keys()].every(isSame) && [...keys].every(isKnown)
}

async function observeNamespaces(
  runProgram: RunProgram,
  keys: NetworkKeys,
  signal: AbortSignal,
): Promise<Observed['namespaces']> {
  const existing = parseNamespaceKeys(await runProgram(['ip', '-json', 'netns', 'list'], { signal }))
  const entries = existing.map(
    async (key) => [key, keys.has(key) ? await observeNamespace(runProgram, key, signal) : 'unread'] as const,
  )
  return new Map(await Promise.all(entries))
}

function parseNamespaceKeys(json: string): string[] {
  const list: { name: string }[] = json.trim() === '' ? [] : JSON.parse(json)
  const keys = list.map(({ name }) => ({ name, key: networkKeyFromDeviceName(name) }))
  return keys.flatMap(({ name, key }) => (key !== undefined && name === namespaceName(key) ? [key] : []))
}

/** Returns 'broken' if only the namespace's name exists, which a crash of the agent during `ip netns add` can leave. */
async function observeNamespace(runProgram: RunProgram, key: string, signal: AbortSignal) {
  try {
    const json = await runProgram(['ip', '-n', namespaceName(key), '-json', '-details', 'address', 'show'], { signal })
    const device = parseLinks(json).get(DHCP_DEVICE)
    return device ? { device } : {}
  } catch (error) {
    if (error instanceof CommandFailed && error.stderr.includes('network namespace')) return 'broken'
    throw error
  }
}

async function observeDhcp(root: string): Promise<Map<string, ObservedDhcp>> {
  const [pids, folders] = await Promise.all([findDnsmasqPids(root), readdir(root)])
  const keys = new Set([...pids.keys(), ...folders])
  const entries = [...keys].map(async (key): Promise<[string, ObservedDhcp]> => {
    const applied = await readAppliedConfig(join(root, key, 'applied'))
    return [key, { pids: pids.get(key) ?? [], ...(applied ? { applied } : {}) }]
  })
  return new Map(await Promise.all(entries))
}

/**
 * Reads the configuration with which dnsmasq was last started or reloaded. Undefined if it cannot be read; the agent
 * then restarts dnsmasq.
 */
async function readAppliedConfig(path: string): Promise<DnsmasqConfig | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return undefined
  }
}
