/** Why no host takes a server: each host's reason, counted by kind, with the nearest host's values; bounded however many hosts there are. */
import type { PreparedFilter, Refusal } from './filter.ts'
import type { HostView } from './host-view.ts'

export interface Rejection {
  readonly host: string
  /** Nova's name of the filter. */
  readonly filter: string
  readonly reason: string
}

export interface Explanation {
  readonly message: string
  readonly rejections: readonly Rejection[]
}

/** Single reasons kept, kinds of reason named, and characters of one kind's values. */
const MAX_REJECTIONS = 20
const MAX_KINDS = 8
const MAX_DETAIL = 160

interface Kind {
  readonly what: string
  count: number
  /** The host that stands for the kind. */
  host: string
  refusal: Refusal
  /** Whether its hosts differ in their values. */
  differ: boolean
}

/** Runs the tests again over hosts of which none passed, now for the reasons. */
export function explain(prepared: readonly PreparedFilter[], hosts: readonly HostView[]): Explanation {
  const kinds = new Map<string, Kind>()
  const rejections: Rejection[] = []
  for (const host of hosts) {
    const refusing = prepared.find(({ test }) => !test.passes(host))
    if (refusing === undefined) continue
    const refusal = refusing.test.refusal(host)
    count(kinds, host.name, refusal)
    keep(rejections, host.name, refusing.filter.name, refusal)
  }
  return { message: summary(hosts.length, [...kinds.values()]), rejections }
}

function count(kinds: Map<string, Kind>, host: string, refusal: Refusal): void {
  const kind = kinds.get(refusal.what)
  if (kind === undefined) {
    kinds.set(refusal.what, { what: refusal.what, count: 1, host, refusal, differ: false })
    return
  }
  kind.count++
  if (refusal.detail !== kind.refusal.detail) kind.differ = true
  const [near, nearest] = [refusal.nearness ?? 0, kind.refusal.nearness ?? 0]
  if (near > nearest || (near === nearest && host < kind.host)) {
    kind.host = host
    kind.refusal = refusal
  }
}

/** Keeps the first of the names, whatever the order of the hosts. */
function keep(rejections: Rejection[], host: string, filter: string, refusal: Refusal): void {
  const last = rejections[MAX_REJECTIONS - 1]
  if (last !== undefined && host > last.host) return
  let at = rejections.length
  while (at > 0 && host < (rejections[at - 1]?.host ?? '')) at--
  rejections.splice(at, 0, { host, filter, reason: `${refusal.what}: ${refusal.detail}` })
  if (rejections.length > MAX_REJECTIONS) rejections.pop()
}

function summary(hosts: number, kinds: Kind[]): string {
  if (hosts === 0) return 'no host can take it: there is no Hypervisor; start the agent on a host'
  kinds.sort((a, b) => b.count - a.count || (a.what < b.what ? -1 : 1))
  const parts = kinds.slice(0, MAX_KINDS).map((k) => `${k.count} ${k.what} (${detailOf(k)})`)
  const rest = kinds.slice(MAX_KINDS).reduce((sum, k) => sum + k.count, 0)
  if (rest > 0) parts.push(`${rest} for other reasons`)
  return `no host can take it: ${hosts} ${hosts === 1 ? 'host' : 'hosts'}: ${parts.join(', ')}`
}

function detailOf({ refusal, host, differ }: Kind): string {
  const text = refusal.detailOfNearest ?? refusal.detail
  const cut = text.length > MAX_DETAIL ? `${text.slice(0, MAX_DETAIL - 1)}…` : text
  return refusal.detailOfNearest !== undefined || differ ? `${cut} on ${host}` : cut
}

/** The message with the reasons of single hosts behind it, one each line: for the message of a condition (under 4 kB). */
export function withReasons({ message, rejections }: Explanation, hosts: number): string {
  const lines = rejections.map((r) => `${r.host}: ${r.reason.slice(0, MAX_DETAIL)}`)
  if (hosts > lines.length && lines.length > 0) lines.push(`and ${hosts - lines.length} more`)
  return [message, ...lines].join('\n')
}
