/**
 * Finds problems in a Network's subnets that cannot be expressed as rules of the schema. The Ready condition reports
 * the problems.
 */
import { hasDhcp, type Network, type Reason, type Subnet } from '../../crds/index.ts'
import {
  type CIDR,
  formatCIDR,
  formatIP,
  type IP,
  isInRange,
  parseCIDR,
  parseIP,
  type Range,
  rangesOverlap,
} from './ip.ts'
import { poolOf } from './pool.ts'
import { dhcpAddressOf } from './reserved.ts'

/**
 * These problems end when another Network or a Port is deleted, so kstatus counts the Network as in progress, not as
 * failed (docs/adr/0034).
 */
export const waitingNetworkReasons: ReadonlySet<Reason> = new Set(['SubnetsOverlap', 'AddressInUse'])

export interface NetworkProblem {
  readonly reason: Reason
  readonly message: string
}

/**
 * All problems of the network. While there is any, no address of the network is allocated.
 * @param sameBridge the networks on the same bridge
 */
export const findNetworkProblems = (network: Network, sameBridge: Iterable<Network>): NetworkProblem[] => [
  ...findSubnetProblems(network),
  ...findBridgeProblems(network, sameBridge),
]

/**
 * Finds subnets for which DHCP would answer from an address that is in use, for example by a server. A change of
 * resolvers, routes or gateways can move DHCP to such an address. The problem ends when the address is freed.
 * @param describeUser describes what has an address; undefined if the address is free
 */
export function findDhcpProblems(
  { spec: { subnets } }: Network,
  describeUser: (ip: IP) => string | undefined,
): NetworkProblem[] {
  return subnets.flatMap((subnet) => {
    const ip = parseIP(dhcpAddressOf(subnet, subnets) ?? '')
    const user = ip && describeUser(ip)
    if (ip === undefined || user === undefined) return []
    const message = `DHCP of ${subnet.cidr} would answer from ${formatIP(ip)}, which ${user} has: set dhcpAddress of the subnet to a free address, or delete that port and its server`
    return [{ reason: 'AddressInUse', message }]
  })
}

/** The problems within the network's own subnets. */
export function findSubnetProblems(network: Network): NetworkProblem[] {
  const { subnets } = network.spec
  return subnets.flatMap((subnet) => {
    const cidr = parseCIDR(subnet.cidr)
    if (cidr === undefined) return [{ reason: 'InvalidSubnet', message: `${subnet.cidr} is no CIDR` }]
    const problems = [...findPoolProblems(subnet, cidr), ...findAddressProblems(subnet, cidr)]
    if (problems.length === 0 && poolOf(subnet, subnets).total === 0n) {
      problems.push({
        reason: 'NetworkTooSmall',
        message: `${subnet.cidr} has no address left for servers beside its gateway, its DHCP address, resolvers and next hops of routes: use a larger range`,
      })
    }
    return problems
  })
}

interface NamedRange extends Range {
  readonly text: string
}

function poolRangesOf(subnet: Subnet): NamedRange[] {
  return (subnet.pools ?? []).flatMap(({ start, end }) => {
    const [first, last] = [parseIP(start), parseIP(end)]
    return first && last ? [{ first: first.value, last: last.value, text: `${start} to ${end}` }] : []
  })
}

function findPoolProblems(subnet: Subnet, cidr: CIDR): NetworkProblem[] {
  const pools = poolRangesOf(subnet)
  const problems: NetworkProblem[] = []
  for (const [i, pool] of pools.entries()) {
    if (pool.first > pool.last) {
      problems.push({
        reason: 'PoolEndBeforeStart',
        message: `pool ${pool.text} of ${subnet.cidr} ends before it starts`,
      })
    }
    if (!isInRange(cidr, pool.first) || !isInRange(cidr, pool.last)) {
      problems.push({ reason: 'PoolOutsideSubnet', message: `pool ${pool.text} is not within ${subnet.cidr}` })
    }
    for (const other of pools.slice(i + 1)) {
      if (rangesOverlap(pool, other)) {
        problems.push({
          reason: 'PoolsOverlap',
          message: `pools ${pool.text} and ${other.text} of ${subnet.cidr} overlap`,
        })
      }
    }
  }
  return problems
}

function findAddressProblems(subnet: Subnet, cidr: CIDR): NetworkProblem[] {
  const problems = [...findFieldProblems(subnet, cidr, 'gateway'), ...findFieldProblems(subnet, cidr, 'dhcpAddress')]
  const [gateway, dhcp] = [parseIP(subnet.gateway ?? ''), parseIP(subnet.dhcpAddress ?? '')]
  if (hasDhcp(subnet) && gateway && gateway.value === dhcp?.value) {
    problems.push({
      reason: 'DuplicateAddress',
      message: `gateway and dhcpAddress of ${subnet.cidr} are both ${subnet.gateway}: DHCP needs an address of its own, the same on every host`,
    })
  }
  return problems
}

function findFieldProblems(subnet: Subnet, cidr: CIDR, field: 'gateway' | 'dhcpAddress'): NetworkProblem[] {
  const problems: NetworkProblem[] = []
  const ip = parseIP(subnet[field] ?? '')
  if (ip === undefined) return problems
  const pool = poolRangesOf(subnet).find((p) => isInRange(p, ip.value))
  if (pool) {
    problems.push({
      reason: 'AddressInPool',
      message: `${field} ${subnet[field]} lies in pool ${pool.text}: leave it out of the pools`,
    })
  }
  if (isNetworkOrBroadcast(cidr, ip.value)) {
    problems.push({
      reason: 'AddressNotUsable',
      message: `${field} ${subnet[field]} is the network or broadcast address of ${subnet.cidr}`,
    })
  }
  return problems
}

function isNetworkOrBroadcast(cidr: CIDR, value: bigint): boolean {
  return cidr.family === 4 && cidr.prefixLength <= 30 && (value === cidr.first || value === cidr.last)
}

/**
 * Two networks on one bridge would allocate the same address on one segment. Only the younger network has the problem,
 * because the older one may have running servers already.
 */
export function findBridgeProblems(network: Network, others: Iterable<Network>): NetworkProblem[] {
  const problems: NetworkProblem[] = []
  if (network.spec.bridge === undefined) return problems
  for (const other of others) {
    if (other.metadata.uid === network.metadata.uid || other.spec.bridge !== network.spec.bridge) continue
    const subnet = findOverlappingSubnet(network, other)
    if (subnet === undefined || !isOlder(other, network)) continue
    problems.push({
      reason: 'SubnetsOverlap',
      message: `${subnet} overlaps a subnet of Network ${other.metadata.namespace}/${other.metadata.name} on the same bridge ${network.spec.bridge}: use another range, or the other network with shared: true`,
    })
  }
  return problems
}

/** The first subnet of `a` that overlaps a subnet of `b`, as a CIDR. */
export function findOverlappingSubnet(a: Network, b: Network): string | undefined {
  const others = cidrsOf(b)
  const found = cidrsOf(a).find((x) => others.some((y) => x.family === y.family && rangesOverlap(x, y)))
  return found && formatCIDR(found)
}

/**
 * Every placement compares the CIDRs of all networks on a bridge, so each Network is parsed once. Cached objects never
 * change: a new version is a new object.
 */
const parsedCidrs = new WeakMap<Network, readonly CIDR[]>()

function cidrsOf(network: Network): readonly CIDR[] {
  const known = parsedCidrs.get(network)
  if (known !== undefined) return known
  const cidrs = network.spec.subnets.flatMap((s) => parseCIDR(s.cidr) ?? [])
  parsedCidrs.set(network, cidrs)
  return cidrs
}

function isOlder(a: Network, b: Network): boolean {
  const [x, y] = [Date.parse(a.metadata.creationTimestamp ?? ''), Date.parse(b.metadata.creationTimestamp ?? '')]
  if (x !== y) return x < y
  return (a.metadata.uid ?? '') < (b.metadata.uid ?? '')
}
