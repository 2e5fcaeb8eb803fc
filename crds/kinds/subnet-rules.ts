import type { Rule } from '../schema.ts'
import { ipv4Number, ipv6LessThanExpression } from './address.ts'
import { absentOrInvalid, insideCidr, invalidCidr, isNetworkOrBroadcast, notIPv4, notIPv6 } from './cidr-cel.ts'
import { routerRules } from './route-rules.ts'

const noIPv4Pools = `!has(self.pools) || self.pools.exists(p, ${notIPv4('p.start')} || ${notIPv4('p.end')})`

const noIPv6Pools = `!has(self.pools) || self.pools.exists(p, ${notIPv6('p.start')} || ${notIPv6('p.end')})`

const notNetworkOrBroadcast = (field: string): Rule => ({
  rule: `${invalidCidr} || ${absentOrInvalid(field)} || !(${isNetworkOrBroadcast(`self.${field}`)})`,
  message: `${field} must not be the first or the last address of cidr: they are the network's own and the broadcast address`,
  fieldPath: `.${field}`,
})

/**
 * dhcpAddress must lie in cidr. For IPv4, a link-local address is allowed too, because a subnet may have no address to
 * spare. For IPv6 it is not allowed, because dnsmasq advertises only the subnets in which dnsmasq has an address.
 */
const dhcpAddressIsUsable: Rule = {
  rule: `${invalidCidr} || ${absentOrInvalid('dhcpAddress')} || ${insideCidr('self.dhcpAddress')} || cidr(self.cidr).ip().family() == 4 && ip(self.dhcpAddress).family() == 4 && ip(self.dhcpAddress).isLinkLocalUnicast()`,
  message: 'dhcpAddress must lie in cidr, or for IPv4 be link-local, such as 169.254.67.67',
  fieldPath: '.dhcpAddress',
}

const outsideIPv4Pools = (field: string): Rule => ({
  rule: `${noIPv4Pools} || ${absentOrInvalid(field)} || ${notIPv4(`self.${field}`)} || self.pools.all(p, ${ipv4Number(`self.${field}`)} < ${ipv4Number('p.start')} || ${ipv4Number(`self.${field}`)} > ${ipv4Number('p.end')})`,
  message: `${field} must not lie in a pool: it would be given to a server`,
  fieldPath: '.pools',
})

const outsideIPv6Pools = (field: string): Rule => ({
  ...outsideIPv4Pools(field),
  rule: `${noIPv6Pools} || ${absentOrInvalid(field)} || ${notIPv6(`self.${field}`)} || self.pools.all(p, ${ipv6LessThanExpression(`self.${field}`, 'p.start')} || ${ipv6LessThanExpression('p.end', `self.${field}`)})`,
})

export const subnetRules: readonly Rule[] = [
  ...routerRules,
  dhcpAddressIsUsable,
  notNetworkOrBroadcast('gateway'),
  notNetworkOrBroadcast('dhcpAddress'),
  {
    rule: `has(self.dhcp) && !self.dhcp || ${absentOrInvalid('gateway')} || ${absentOrInvalid('dhcpAddress')} || !cidr(self.gateway + (ip(self.gateway).family() == 4 ? '/32' : '/128')).containsIP(self.dhcpAddress)`,
    message: 'dhcpAddress must not be the gateway: DHCP answers from an address of its own, the same on every host',
    fieldPath: '.dhcpAddress',
  },
  {
    rule: `${invalidCidr} || has(self.dhcp) && !self.dhcp || cidr(self.cidr).ip().family() == 4 || cidr(self.cidr).prefixLength() >= 64`,
    message: 'IPv6 with DHCP needs a prefix of 64 bits or more, such as /64: make cidr smaller, or set dhcp to false',
    fieldPath: '.cidr',
  },
  {
    rule: `${invalidCidr} || has(self.dhcp) && !self.dhcp || cidr(self.cidr).ip().family() == 4 || cidr(self.cidr).prefixLength() <= 126`,
    message:
      'IPv6 with DHCP needs a prefix of 126 bits or less, for an address of DHCP: make cidr larger, or set dhcp to false',
    fieldPath: '.cidr',
  },
  {
    rule: `${invalidCidr} || !has(self.pools) || self.pools.all(p, !isIP(p.start) || !isIP(p.end) || (cidr(self.cidr).containsIP(p.start) && cidr(self.cidr).containsIP(p.end)))`,
    message: 'each pool must lie in cidr',
    fieldPath: '.pools',
  },
  {
    rule: `${noIPv4Pools} || self.pools.all(p, ${ipv4Number('p.start')} <= ${ipv4Number('p.end')})`,
    message: 'each pool must start before it ends',
    fieldPath: '.pools',
  },
  {
    rule: `${noIPv6Pools} || !self.pools.exists(p, ${ipv6LessThanExpression('p.end', 'p.start')})`,
    message: 'each pool must start before it ends',
    fieldPath: '.pools',
  },
  {
    rule: `${noIPv4Pools} || self.pools.all(a, self.pools.exists_one(b, ${ipv4Number('a.start')} <= ${ipv4Number('b.end')} && ${ipv4Number('b.start')} <= ${ipv4Number('a.end')}))`,
    message: 'pools must not overlap',
    fieldPath: '.pools',
  },
  outsideIPv4Pools('gateway'),
  outsideIPv4Pools('dhcpAddress'),
  outsideIPv6Pools('gateway'),
  outsideIPv6Pools('dhcpAddress'),
]

export const subnetsRules: readonly Rule[] = [
  {
    rule: 'self.size() < 2 || !isCIDR(self[0].cidr) || !isCIDR(self[1].cidr) || cidr(self[0].cidr).ip().family() != cidr(self[1].cidr).ip().family()',
    message: 'two subnets must be one of IPv4 and one of IPv6',
  },
  {
    rule: 'oldSelf.all(o, self.exists(s, s.cidr == o.cidr))',
    message: 'the cidr of a subnet cannot change, and no subnet can be removed: create another Network',
  },
]
