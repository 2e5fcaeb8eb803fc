/**
 * Explains why no host can take a server: counts the rejected hosts by reason, and names for each reason the host that
 * came closest, with its values.
 */
import type { PreparedFilter, RejectionReason } from './filter.ts'
import type { HostView } from './host-view.ts'

/** The message names at most this many reasons. For all further reasons together, it gives only the number of hosts. */
const MAX_REASONS = 8
/** The most characters for the values of one reason, such as "need 4096 MiB, free 1024 MiB". */
const MAX_DETAIL = 160

interface ReasonGroup {
  readonly summary: string
  count: number
  /** The host that came closest to passing; if several came equally close, the first by name. */
  host: string
  reason: RejectionReason
  /** Whether the details differ between the hosts. */
  differ: boolean
}

/**
 * Runs the filters again, because they build no reasons while the scheduler looks for a host. The message stays short
 * however many hosts there are.
 */
export function explainRejection(prepared: readonly PreparedFilter[], hosts: readonly HostView[]): string {
  const groups = new Map<string, ReasonGroup>()
  for (const host of hosts) {
    const rejecting = prepared.find(({ test }) => !test.passes(host))
    if (rejecting !== undefined) addReason(groups, host.name, rejecting.test.reject(host))
  }
  return summarize(hosts.length, [...groups.values()])
}

function addReason(groups: Map<string, ReasonGroup>, host: string, reason: RejectionReason): void {
  const { summary } = reason
  const group = groups.get(summary)
  if (group === undefined) {
    groups.set(summary, { summary, count: 1, host, reason, differ: false })
    return
  }
  group.count++
  if (reason.detail !== group.reason.detail) group.differ = true
  const [closeness, best] = [reason.closeness ?? 0, group.reason.closeness ?? 0]
  if (closeness > best || (closeness === best && host < group.host)) {
    group.host = host
    group.reason = reason
  }
}

function summarize(hosts: number, groups: ReasonGroup[]): string {
  if (hosts === 0) return 'no host can take it: there is no Hypervisor; start the agent on a host'
  groups.sort((a, b) => b.count - a.count || (a.summary < b.summary ? -1 : 1))
  const parts = groups.slice(0, MAX_REASONS).map((g) => `${g.count} ${g.summary} (${detailOf(g)})`)
  const rest = groups.slice(MAX_REASONS).reduce((sum, g) => sum + g.count, 0)
  if (rest > 0) parts.push(`${rest} for other reasons`)
  return `no host can take it: ${hosts} ${hosts === 1 ? 'host' : 'hosts'}: ${parts.join(', ')}`
}

function detailOf({ reason, host, differ }: ReasonGroup): string {
  const text = reason.detailOfClosest ?? reason.detail
  const cut = text.length > MAX_DETAIL ? `${text.slice(0, MAX_DETAIL - 1)}…` : text
  return reason.detailOfClosest !== undefined || differ ? `${cut} on ${host}` : cut
}
