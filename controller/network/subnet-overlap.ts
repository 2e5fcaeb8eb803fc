/** What is wrong with a Network's subnets that its schema cannot say: reasons and sentences, for its Ready condition and for who asks for it. */
import type { Network, Reason, Subnet } from '../../crds/index.ts'
import { type CIDR, inRange, overlap, parseCIDR, parseIP, type Range } from './ip.ts'
import { cidrText, poolOf } from './pool.ts'

export interface Problem {
  readonly reason: Reason
  readonly message: string
}

/**
 * All that keeps the network from being used: while there is any, it gives no address.
 * @param beside the networks on the same bridge of the hosts
 */
export const networkProblems = (network: Network, beside: Iterable<Network>): Problem[] => [
  ...subnetProblems(network),
  ...bridgeProblems(network, beside),
]

/** All that is wrong with the network by itself. */
export function subnetProblems(network: Network): Problem[] {
  return network.spec.subnets.flatMap((subnet) => {
    const cidr = parseCIDR(subnet.cidr)
    if (cidr === undefined) return [{ reason: 'InvalidSubnet', message: `${subnet.cidr} is no CIDR` }]
    const problems = [...poolProblems(subnet, cidr), ...addressProblems(subnet, cidr)]
    if (problems.length === 0 && poolOf(subnet).total === 0n) {
      problems.push({
        reason: 'NoAddresses',
        message: `${subnet.cidr} has no address left for servers beside its gateway and its DHCP address: use a larger range`,
      })
    }
    return problems
  })
}

interface NamedRange extends Range {
  readonly text: string
}

function poolsOf(subnet: Subnet): NamedRange[] {
  return (subnet.pools ?? []).flatMap(({ start, end }) => {
    const [first, last] = [parseIP(start), parseIP(end)]
    return first && last ? [{ first: first.value, last: last.value, text: `${start} to ${end}` }] : []
  })
}

function poolProblems(subnet: Subnet, cidr: CIDR): Problem[] {
  const pools = poolsOf(subnet)
  const problems: Problem[] = []
  for (const [i, pool] of pools.entries()) {
    if (pool.first > pool.last) {
      problems.push({
        reason: 'PoolEndBeforeStart',
        message: `pool ${pool.text} of ${subnet.cidr} ends before it starts`,
      })
    }
    if (!inRange(cidr, pool.first) || !inRange(cidr, pool.last)) {
      problems.push({ reason: 'PoolOutsideSubnet', message: `pool ${pool.text} is not within ${subnet.cidr}` })
    }
    for (const other of pools.slice(i + 1)) {
      if (overlap(pool, other)) {
        problems.push({
          reason: 'PoolsOverlap',
          message: `pools ${pool.text} and ${other.text} of ${subnet.cidr} overlap`,
        })
      }
    }
  }
  return problems
}

/** The gateway and the DHCP address: addresses that hosts can have, outside the pools, and not the same. */
function addressProblems(subnet: Subnet, cidr: CIDR): Problem[] {
  const problems = [...fieldProblems(subnet, cidr, 'gateway'), ...fieldProblems(subnet, cidr, 'dhcpAddress')]
  const [gateway, dhcp] = [parseIP(subnet.gateway ?? ''), parseIP(subnet.dhcpAddress ?? '')]
  if (subnet.dhcp && gateway && gateway.value === dhcp?.value) {
    problems.push({
      reason: 'DuplicateAddress',
      message: `gateway and dhcpAddress of ${subnet.cidr} are both ${subnet.gateway}: DHCP needs an address of its own, the same on every host`,
    })
  }
  return problems
}

function fieldProblems(subnet: Subnet, cidr: CIDR, field: 'gateway' | 'dhcpAddress'): Problem[] {
  const problems: Problem[] = []
  const ip = parseIP(subnet[field] ?? '')
  if (ip === undefined) return problems
  const pool = poolsOf(subnet).find((p) => inRange(p, ip.value))
  if (pool) {
    problems.push({
      reason: 'AddressInPool',
      message: `${field} ${subnet[field]} lies in pool ${pool.text}: leave it out of the pools`,
    })
  }
  if (isEnd(cidr, ip.value)) {
    problems.push({
      reason: 'AddressNotUsable',
      message: `${field} ${subnet[field]} is the network or broadcast address of ${subnet.cidr}`,
    })
  }
  return problems
}

function isEnd(cidr: CIDR, value: bigint): boolean {
  return cidr.family === 4 && cidr.prefixLength <= 30 && (value === cidr.first || value === cidr.last)
}

/**
 * Networks on the same bridge of the hosts whose subnets overlap with this one's: they would give one address twice on one segment.
 * Only the younger of two is told so: the older one's servers are there already.
 */
export function bridgeProblems(network: Network, others: Iterable<Network>): Problem[] {
  const problems: Problem[] = []
  if (network.spec.bridge === undefined) return problems
  for (const other of others) {
    if (other.metadata.uid === network.metadata.uid || other.spec.bridge !== network.spec.bridge) continue
    const both = overlapping(network, other)
    if (both === undefined || !isOlder(other, network)) continue
    problems.push({
      reason: 'SubnetsOverlap',
      message: `${both} overlaps a subnet of Network ${other.metadata.namespace}/${other.metadata.name} on the same bridge ${network.spec.bridge}: use another range, or the other network with shared: true`,
    })
  }
  return problems
}

/** The subnet of `a` that overlaps one of `b`. */
export function overlapping(a: Network, b: Network): string | undefined {
  const theirs = cidrsOf(b)
  const found = cidrsOf(a).find((x) => theirs.some((y) => x.family === y.family && overlap(x, y)))
  return found && cidrText(found)
}

/** Each server that is placed asks for those of all networks on the bridge: objects of a cache are frozen, and read once. */
const read = new WeakMap<Network, readonly CIDR[]>()

function cidrsOf(network: Network): readonly CIDR[] {
  const known = read.get(network)
  if (known !== undefined) return known
  const cidrs = network.spec.subnets.flatMap((s) => parseCIDR(s.cidr) ?? [])
  read.set(network, cidrs)
  return cidrs
}

function isOlder(a: Network, b: Network): boolean {
  const [x, y] = [Date.parse(a.metadata.creationTimestamp ?? ''), Date.parse(b.metadata.creationTimestamp ?? '')]
  if (x !== y) return x < y
  return (a.metadata.uid ?? '') < (b.metadata.uid ?? '')
}
