/** Reads from the kernel, /proc and our files what this host has of its guests' networks. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseLinks } from './links.ts'
import { DHCP_DEVICE, dhcpPortName, keyOf, namespaceName } from './names.ts'
import { findDnsmasq } from './processes.ts'
import { CommandFailed, type Run } from './run.ts'
import type { DhcpTexts, Observed, ObservedDhcp } from './types.ts'

export interface ObserveOptions {
  readonly run: Run
  /** Folder of all networks' DHCP files. */
  readonly root: string
  /** Networks whose namespaces are looked into. */
  readonly keys: Keys
  /** An earlier look, since when no program of ours has changed a device; see {@link sameNamespaces}. */
  readonly before?: Devices | undefined
  readonly signal: AbortSignal
}

type Keys = ReadonlySet<string>

export type Devices = Pick<Observed, 'links' | 'namespaces'>

/** All but the rules. */
export async function observe({ run, root, keys, before, signal }: ObserveOptions): Promise<Omit<Observed, 'rules'>> {
  const [links, dhcp] = await Promise.all([
    run(['ip', '-json', '-details', 'address', 'show'], { signal }).then(parseLinks),
    observeDhcp(root),
  ])
  const isKnown = before !== undefined && sameNamespaces(before, links, keys)
  const namespaces = isKnown ? before.namespaces : await lookAtNamespaces(run, keys, signal)
  return { links, namespaces, dhcp }
}

/**
 * Whether these networks' namespaces need not be looked at again: to start a program costs a process of our size some milliseconds, before each
 * guest's start. A namespace that is deleted takes its pair of devices with it, and an inner device that is taken down the outer one's
 * carrier. What else somebody does within a namespace is found by a look without an earlier one. Pure.
 */
export function sameNamespaces({ links: were, namespaces }: Devices, links: Observed['links'], keys: Keys): boolean {
  const isSame = (key: string): boolean => {
    const [was, is] = [were.get(dhcpPortName(key)), links.get(dhcpPortName(key))]
    return was !== undefined && is !== undefined && was.index === is.index && is.up && is.carrier
  }
  const isKnown = (key: string): boolean =>
    namespaces.has(key) ? typeof namespaces.get(key) === 'object' : !links.has(dhcpPortName(key))
  return [...namespaces.keys()].every(isSame) && [...keys].every(isKnown)
}

async function lookAtNamespaces(run: Run, keys: Keys, signal: AbortSignal): Promise<Observed['namespaces']> {
  const ours = namespaceKeys(await run(['ip', '-json', 'netns', 'list'], { signal }))
  const entries = ours.map(async (key) => [key, keys.has(key) ? await lookInto(run, key, signal) : 'unread'] as const)
  return new Map(await Promise.all(entries))
}

function namespaceKeys(json: string): string[] {
  const list: { name: string }[] = json.trim() === '' ? [] : JSON.parse(json)
  const keys = list.map(({ name }) => ({ name, key: keyOf(name) }))
  return keys.flatMap(({ name, key }) => (key !== undefined && name === namespaceName(key) ? [key] : []))
}

/** A crash in the middle of `ip netns add` leaves a name without a namespace, which cannot be entered. */
async function lookInto(run: Run, key: string, signal: AbortSignal) {
  try {
    const json = await run(['ip', '-n', namespaceName(key), '-json', '-details', 'address', 'show'], { signal })
    const device = parseLinks(json).get(DHCP_DEVICE)
    return device ? { device } : {}
  } catch (error) {
    if (error instanceof CommandFailed && error.stderr.includes('network namespace')) return 'broken'
    throw error
  }
}

async function observeDhcp(root: string): Promise<Map<string, ObservedDhcp>> {
  const [pids, folders] = await Promise.all([findDnsmasq(root), readdir(root)])
  const keys = new Set([...pids.keys(), ...folders])
  const entries = [...keys].map(async (key): Promise<[string, ObservedDhcp]> => {
    const applied = await readApplied(join(root, key, 'applied'))
    return [key, { pids: pids.get(key) ?? [], ...(applied ? { applied } : {}) }]
  })
  return new Map(await Promise.all(entries))
}

/** Unreadable is as good as absent: dnsmasq is then started anew. */
async function readApplied(path: string): Promise<DhcpTexts | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return undefined
  }
}
