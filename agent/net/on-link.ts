/**
 * Finds addresses outside a guest's subnet that the guest must reach without a router. Hosters often give a guest one
 * address (/32) and a gateway in another range. Pure.
 */
import { isIPv4 } from 'node:net'
import { Address4, Address6 } from 'ip-address'
import type { FixedIP } from '../../crds/kinds/server-status.ts'

/** Whether the subnet of the guest's address contains `other`, an address of the same family. */
export function isInSubnetOf({ address, prefixLength }: FixedIP, other: string): boolean {
  const cidr = `${address}/${prefixLength}`
  return isIPv4(address)
    ? new Address4(other).isInSubnet(new Address4(cidr))
    : new Address6(other).isInSubnet(new Address6(cidr))
}

/**
 * Returns the routers to which the guest needs a separate route, because they are outside its subnet: the gateway
 * first, then the next hops, each once. A link-local IPv6 router needs no route, because each interface has a route to
 * fe80::/64.
 */
export function routersOnLink(ip: FixedIP): string[] {
  const routers = [...(ip.gateway === undefined ? [] : [ip.gateway]), ...(ip.hostRoutes ?? []).map((r) => r.nextHop)]
  return [...new Set(routers)].filter((router) => !isInSubnetOf(ip, router) && !isIPv6LinkLocal(router))
}

const isIPv6LinkLocal = (address: string): boolean => !isIPv4(address) && new Address6(address).isLinkLocal()
