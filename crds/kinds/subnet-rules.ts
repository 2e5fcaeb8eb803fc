/** What the API server refuses of a Network's subnets: gateway, DHCP address and pools in and beside one another, and changes. */
import type { Rule } from '../schema.ts'
import { ipv4Number, isBeforeIPv6 } from './address.ts'

/** Guards: what is no address or no range has been told so by the field itself. */
const noRange = '!isCIDR(self.cidr)'
const no = (field: string): string => `!has(self.${field}) || !isIP(self.${field})`
const no4 = (text: string): string => `!isIP(${text}) || ip(${text}).family() != 4`
const no6 = (text: string): string => `!isIP(${text}) || ip(${text}).family() != 6`
const noPools4 = `!has(self.pools) || self.pools.exists(p, ${no4('p.start')} || ${no4('p.end')})`

const noPools6 = `!has(self.pools) || self.pools.exists(p, ${no6('p.start')} || ${no6('p.end')})`

/** 2 to the power of the host bits of an IPv4 range. */
const powers = `[${Array.from({ length: 33 }, (_, i) => 2 ** i).join(', ')}]`
const size = `${powers}[32 - cidr(self.cidr).prefixLength()]`

const inside = (field: string): Rule => ({
  rule: `${noRange} || ${no(field)} || cidr(self.cidr).containsIP(self.${field})`,
  message: `${field} must lie in cidr`,
  fieldPath: `.${field}`,
})

/** The network's own address and the broadcast address: no host can have them. */
const noEnd = (field: string): Rule => ({
  rule: `${noRange} || ${no(field)} || ${no4(`self.${field}`)} || cidr(self.cidr).ip().family() != 4 || cidr(self.cidr).prefixLength() > 30 || !(${ipv4Number(`self.${field}`)} % ${size} in [0, ${size} - 1])`,
  message: `${field} must not be the first or the last address of cidr: they are the network's own and the broadcast address`,
  fieldPath: `.${field}`,
})

const outsidePools = (field: string): Rule => ({
  rule: `${noPools4} || ${no(field)} || ${no4(`self.${field}`)} || self.pools.all(p, ${ipv4Number(`self.${field}`)} < ${ipv4Number('p.start')} || ${ipv4Number(`self.${field}`)} > ${ipv4Number('p.end')})`,
  message: `${field} must not lie in a pool: it would be given to a server`,
  fieldPath: '.pools',
})

const outsidePools6 = (field: string): Rule => ({
  ...outsidePools(field),
  rule: `${noPools6} || ${no(field)} || ${no6(`self.${field}`)} || self.pools.all(p, ${isBeforeIPv6(`self.${field}`, 'p.start')} || ${isBeforeIPv6('p.end', `self.${field}`)})`,
})

export const subnetRules: readonly Rule[] = [
  inside('gateway'),
  inside('dhcpAddress'),
  noEnd('gateway'),
  noEnd('dhcpAddress'),
  {
    rule: `!self.dhcp || ${no('gateway')} || ${no('dhcpAddress')} || !cidr(self.gateway + (ip(self.gateway).family() == 4 ? '/32' : '/128')).containsIP(self.dhcpAddress)`,
    message: 'dhcpAddress must not be the gateway: DHCP answers from an address of its own, the same on every host',
    fieldPath: '.dhcpAddress',
  },
  {
    rule: `${noRange} || !self.dhcp || cidr(self.cidr).ip().family() == 4 || cidr(self.cidr).prefixLength() >= 64`,
    message: 'IPv6 with DHCP needs a prefix of 64 bits or more, such as /64: make cidr smaller, or set dhcp to false',
    fieldPath: '.cidr',
  },
  {
    rule: `${noRange} || !has(self.pools) || self.pools.all(p, !isIP(p.start) || !isIP(p.end) || (cidr(self.cidr).containsIP(p.start) && cidr(self.cidr).containsIP(p.end)))`,
    message: 'each pool must lie in cidr',
    fieldPath: '.pools',
  },
  {
    rule: `${noPools4} || self.pools.all(p, ${ipv4Number('p.start')} <= ${ipv4Number('p.end')})`,
    message: 'each pool must start before it ends',
    fieldPath: '.pools',
  },
  {
    rule: `${noPools6} || !self.pools.exists(p, ${isBeforeIPv6('p.end', 'p.start')})`,
    message: 'each pool must start before it ends',
    fieldPath: '.pools',
  },
  {
    rule: `${noPools4} || self.pools.all(a, self.pools.exists_one(b, ${ipv4Number('a.start')} <= ${ipv4Number('b.end')} && ${ipv4Number('b.start')} <= ${ipv4Number('a.end')}))`,
    message: 'pools must not overlap',
    fieldPath: '.pools',
  },
  outsidePools('gateway'),
  outsidePools('dhcpAddress'),
  outsidePools6('gateway'),
  outsidePools6('dhcpAddress'),
  {
    rule: `${noRange} || !has(self.hostRoutes) || self.hostRoutes.all(r, !isIP(r.nextHop) || ip(r.nextHop).family() == cidr(self.cidr).ip().family())`,
    message: 'the routes of a subnet must be of its family',
    fieldPath: '.hostRoutes',
  },
]

/** Of the list: at most one of each family, and what addresses were given of stays. */
export const subnetsRules: readonly Rule[] = [
  {
    rule: 'self.size() < 2 || !isCIDR(self[0].cidr) || !isCIDR(self[1].cidr) || cidr(self[0].cidr).ip().family() != cidr(self[1].cidr).ip().family()',
    message: 'two subnets must be one of IPv4 and one of IPv6',
  },
  {
    rule: 'oldSelf.all(o, self.exists(s, s.cidr == o.cidr))',
    message: 'cidr of a subnet cannot change, and no subnet can be taken away: make another Network',
  },
]
