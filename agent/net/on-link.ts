/**
 * Finds addresses outside a guest's subnet that the guest must reach without a router. Hosters often give a guest a
 * single address (/32) and a gateway in another range. Pure.
 */
import { isIPv4 } from 'node:net'
import { Address4, Address6 } from 'ip-address'
import type { FixedIP } from '../../crds/kinds/server-status.ts'

export function isInSubnetOf({ address, prefixLength }: FixedIP, other: string): boolean {
  const cidr = `${address}/${prefixLength}`
  return isIPv4(address)
    ? new Address4(other).isInSubnet(new Address4(cidr))
    : new Address6(other).isInSubnet(new Address6(cidr))
}

/**
 * Returns the routers outside the guest's subnet, which need a route of their own: the gateway first, then the next
 * hops. A link-local IPv6 router needs none.
 */
export function routersOnLink(ip: FixedIP): string[] {
  const routers = [...(ip.gateway === undefined ? [] : [ip.gateway]), ...(ip.hostRoutes ?? []).map((r) => r.nextHop)]
  return [...new Set(routers)].filter((router) => !isInSubnetOf(ip, router) && !isIPv6LinkLocal(router))
}

const isIPv6LinkLocal = (address: string): boolean => !isIPv4(address) && new Address6(address).isLinkLocal()
