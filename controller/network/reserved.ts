/**
 * The addresses of a Subnet that the controller does not choose for a server: those of the subnet itself and its DHCP
 * server, and each gateway, resolver or next hop that the Network names.
 */
import { Bug, hasDhcp, type Subnet } from '../../crds/index.ts'
import { addressBits, type CIDR, cidrContains, type Family, formatIP, type IP, parseCIDR, parseIP } from './ip.ts'

/**
 * A subnet of /30 or smaller has no address to spare for DHCP, so by default DHCP answers from this link-local address
 * there. Guests reach DHCP by broadcast, so they need no route to the address.
 */
const LINK_LOCAL_DHCP: IP = { family: 4, value: 0xa9fe4343n } // 169.254.67.67
const SMALLEST_PREFIX_WITH_OWN_DHCP_ADDRESS = 29

/** @throws Bug error if the subnet's CIDR cannot be parsed, because the API server should not have accepted it */
export function requireCIDR(subnet: Subnet): CIDR {
  const cidr = parseCIDR(subnet.cidr)
  if (cidr === undefined) throw new Bug('InvalidSubnet', `${subnet.cidr} is no CIDR`)
  return cidr
}

/** In /31 and /32 (RFC 3021), /127 (RFC 6164) and /128, hosts can have all addresses. */
const hasReservedEnds = ({ family, prefixLength }: CIDR) => addressBits(family) - prefixLength >= 2

function lastUsableAddress(cidr: CIDR): bigint {
  return cidr.family === 4 && hasReservedEnds(cidr) ? cidr.last - 1n : cidr.last
}

/**
 * Resolvers and next hops of routes are in no pool. But a Port of the Network's own namespace may ask for such an
 * address, for a server that is the resolver or the router.
 */
export function serviceAddressesOf(subnets: readonly Subnet[], family: Family): Set<bigint> {
  const addresses = subnets.flatMap((subnet) => [
    ...(subnet.dnsServers ?? []),
    ...(subnet.hostRoutes ?? []).map(({ nextHop }) => nextHop),
  ])
  return new Set(
    addresses.flatMap((text) => parseIP(text) ?? []).flatMap((ip) => (ip.family === family ? ip.value : [])),
  )
}

/**
 * The address of the subnet's DHCP server; undefined if DHCP is off. By default it is the last usable address that the
 * Network does not name for something else, or in an IPv4 subnet of /30 or smaller a link-local address.
 * @param subnets all subnets of the Network
 */
export function dhcpAddressOf(subnet: Subnet, subnets: readonly Subnet[] = [subnet]): string | undefined {
  if (!hasDhcp(subnet)) return undefined
  const configured = parseIP(subnet.dhcpAddress ?? '')
  return formatIP(configured ?? defaultDhcpAddress(subnet, subnets))
}

function defaultDhcpAddress(subnet: Subnet, subnets: readonly Subnet[]): IP {
  const cidr = requireCIDR(subnet)
  const { family } = cidr
  const taken = serviceAddressesOf(subnets, family)
  for (const other of subnets) {
    const gateway = parseIP(other.gateway ?? '')
    if (gateway?.family === family) taken.add(gateway.value)
  }
  if (family === 4 && cidr.prefixLength > SMALLEST_PREFIX_WITH_OWN_DHCP_ADDRESS) {
    let { value } = LINK_LOCAL_DHCP
    while (taken.has(value)) value++
    return { family, value }
  }
  let value = lastUsableAddress(cidr)
  while (taken.has(value) && value > cidr.first) value--
  return { family, value }
}

/** The addresses of the subnet that no Port gets, even if it asks for one of them, each with its purpose in words. */
export function reservedAddressesOf(subnet: Subnet, subnets: readonly Subnet[]): Map<bigint, string> {
  const cidr = requireCIDR(subnet)
  const reserved = new Map<bigint, string>()
  if (hasReservedEnds(cidr)) {
    reserved.set(cidr.first, cidr.family === 4 ? 'the network address' : 'the subnet-router anycast address')
    if (cidr.family === 4) reserved.set(cidr.last, 'the broadcast address')
  }
  const reserve = (text: string | undefined, purpose: string) => {
    const ip = parseIP(text ?? '')
    if (ip && cidrContains(cidr, ip)) reserved.set(ip.value, purpose)
  }
  // A configured dhcpAddress stays reserved while DHCP is off, so that DHCP can use it when it is turned on later.
  reserve(dhcpAddressOf(subnet, subnets) ?? subnet.dhcpAddress, 'the address that DHCP answers from')
  // The gateway of a subnet with `onLink` may lie outside its own CIDR, and so in another subnet of the Network.
  for (const other of subnets) {
    for (const { nextHop } of defaultRoutesOf(other)) reserve(nextHop, 'the next hop of the default route')
    reserve(other.gateway, 'the gateway')
  }
  return reserved
}

/** As in Neutron, if the subnet names no gateway, the next hop of a host route to 0.0.0.0/0 or ::/0 is the gateway. */
export const defaultRoutesOf = ({ hostRoutes = [] }: Subnet): { nextHop: string }[] => hostRoutes.filter(isDefaultRoute)
export const isDefaultRoute = ({ destination }: { destination: string }): boolean => destination.endsWith('/0')
