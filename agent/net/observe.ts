/** Reads from the kernel, /proc and our files what this host has of its guests' networks. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseLinks } from './links.ts'
import { DHCP_DEVICE, keyOf, namespaceName } from './names.ts'
import { findDnsmasq } from './processes.ts'
import type { Rules } from './rules.ts'
import { CommandFailed, type Run } from './run.ts'
import type { DhcpTexts, Observed, ObservedDhcp } from './types.ts'

export interface ObserveOptions {
  readonly run: Run
  /** Folder of all networks' DHCP files. */
  readonly root: string
  /** Networks whose namespaces are looked into. */
  readonly keys: ReadonlySet<string>
  /** Looks at the rules. */
  readonly rules: (signal: AbortSignal) => Promise<Rules | undefined>
  readonly signal: AbortSignal
}

export async function observe({ run, root, keys, rules: lookAtRules, signal }: ObserveOptions): Promise<Observed> {
  const [links, names, dhcp, rules] = await Promise.all([
    run(['ip', '-json', '-details', 'address', 'show'], { signal }),
    run(['ip', '-json', 'netns', 'list'], { signal }),
    observeDhcp(root),
    lookAtRules(signal),
  ])
  const ours = namespaceKeys(names)
  const namespaces = await Promise.all(
    ours.map(async (key) => [key, keys.has(key) ? await lookInto(run, key, signal) : 'unread'] as const),
  )
  return { links: parseLinks(links), namespaces: new Map(namespaces), dhcp, rules }
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
