/**
 * The CEL rules for the routers, routes and resolvers of a Subnet. They compare addresses with `!(a == b)`, because the
 * API server estimates the cost of `a != b` as too high.
 */
import type { Rule } from '../schema.ts'
import {
  absentOrInvalid,
  insideCidr,
  invalidCidr,
  isNetworkOrBroadcast,
  isSingleAddress,
  otherFamily,
} from './cidr-cel.ts'

/**
 * Guests can reach the router at `text` directly: it is inside cidr or link-local, or `onLink` is true. A subnet with a
 * single address has no room for a router, so there every router counts as reachable.
 */
const isReachable = (text: string): string =>
  `${insideCidr(text)} || ip(${text}).isLinkLocalUnicast() || (${isSingleAddress}) || (has(self.onLink) && self.onLink)`

const eachRoute = (condition: string): string =>
  `${invalidCidr} || !has(self.hostRoutes) || self.hostRoutes.all(r, ${condition})`

/** Skips next hops that are invalid or of the other IP family, because other rules reject them. */
const eachNextHop = (condition: string): string =>
  eachRoute(`!isIP(r.nextHop) || ${otherFamily('r.nextHop')} || ${condition}`)

const eachResolver = (condition: string): string =>
  `${invalidCidr} || !has(self.dnsServers) || self.dnsServers.all(d, !isIP(d) || ${condition})`

const gatewayRules: readonly Rule[] = [
  {
    rule: `${invalidCidr} || ${absentOrInvalid('gateway')} || !(${otherFamily('self.gateway')})`,
    message: 'gateway must be of the family of cidr',
    fieldPath: '.gateway',
  },
  {
    rule: `${invalidCidr} || ${absentOrInvalid('gateway')} || ${otherFamily('self.gateway')} || ${isReachable('self.gateway')}`,
    message:
      'gateway must lie in cidr or be link-local, such as fe80::1 or 169.254.0.1; if guests reach it directly nevertheless, set onLink to true',
    fieldPath: '.gateway',
  },
  {
    rule: `${invalidCidr} || ${absentOrInvalid('gateway')} || !(${isSingleAddress}) || !${insideCidr('self.gateway')}`,
    message: 'gateway must not be the only address of cidr: a server gets that one',
    fieldPath: '.gateway',
  },
]

const routeRules: readonly Rule[] = [
  {
    rule: eachRoute(`!isIP(r.nextHop) || !(${otherFamily('r.nextHop')})`),
    message: 'the routes of a subnet must be of its family',
    fieldPath: '.hostRoutes',
  },
  {
    rule: eachNextHop(
      `${isReachable('r.nextHop')} || (has(self.gateway) && isIP(self.gateway) && ip(r.nextHop) == ip(self.gateway))`,
    ),
    message:
      'the nextHop of each route must lie in cidr, be link-local or be the gateway; if guests reach it directly nevertheless, set onLink to true',
    fieldPath: '.hostRoutes',
  },
  {
    rule: eachNextHop(`!(${isNetworkOrBroadcast('r.nextHop')})`),
    message: 'the nextHop of a route must not be the first or the last address of cidr',
    fieldPath: '.hostRoutes',
  },
  {
    rule: eachNextHop(`!(${isSingleAddress}) || !${insideCidr('r.nextHop')}`),
    message: 'the nextHop of a route must not be the only address of cidr: a server gets that one',
    fieldPath: '.hostRoutes',
  },
  {
    rule: `!has(self.gateway) || !has(self.hostRoutes) || self.hostRoutes.all(r, !isCIDR(r.destination) || cidr(r.destination).prefixLength() > 0)`,
    message: 'a route to everything is the default route, which gateway gives already: leave one of them out',
    fieldPath: '.hostRoutes',
  },
  {
    rule: eachRoute('!isCIDR(r.destination) || !(cidr(r.destination) == cidr(self.cidr))'),
    message: 'the destination of a route must not be cidr: guests reach its addresses without a router',
    fieldPath: '.hostRoutes',
  },
  {
    rule: eachRoute(
      `!isCIDR(r.destination) || !isIP(r.nextHop) || !cidr(r.destination).containsIP(r.nextHop) || cidr(r.destination).prefixLength() < (ip(r.nextHop).family() == 4 ? 32 : 128)`,
    ),
    message: 'the destination of a route must not be its own nextHop',
    fieldPath: '.hostRoutes',
  },
]

/** The DHCP server only answers DHCP, so its address can be neither a resolver's nor a router's. */
const dhcpAddressRules: readonly Rule[] = [
  {
    rule: `has(self.dhcp) && !self.dhcp || ${absentOrInvalid('dhcpAddress')} || ${eachResolver('!(ip(d) == ip(self.dhcpAddress))')}`,
    message: 'dhcpAddress must not be a resolver: DHCP has an address of its own, which answers no DNS',
    fieldPath: '.dhcpAddress',
  },
  {
    rule: `has(self.dhcp) && !self.dhcp || ${absentOrInvalid('dhcpAddress')} || ${eachRoute('!isIP(r.nextHop) || !(ip(r.nextHop) == ip(self.dhcpAddress))')}`,
    message: 'dhcpAddress must not be the nextHop of a route: DHCP has an address of its own, which forwards nothing',
    fieldPath: '.dhcpAddress',
  },
]

export const routerRules: readonly Rule[] = [
  ...gatewayRules,
  ...routeRules,
  ...dhcpAddressRules,
  {
    rule: eachResolver(`!(${isNetworkOrBroadcast('d')})`),
    message: 'a resolver must not be the first or the last address of cidr',
    fieldPath: '.dnsServers',
  },
]
