/** Network: a layer-2 segment on the hosts' bridges, with the subnets that servers get addresses from. */
import { type Static, Type } from 'typebox'
import {
  ageColumn,
  CommonStatus,
  immutable,
  kind,
  Name,
  once,
  type Resource,
  readyColumn,
  reasonColumn,
  rules,
} from '../schema.ts'

const IP = (description: string) =>
  Type.String({ description, maxLength: 45, ...rules({ rule: 'isIP(self)', message: 'must be an IP address' }) })

/** A name that Linux takes for a network interface. */
const interfaceName = (description: string) => Type.String({ description, pattern: '^[a-zA-Z][a-zA-Z0-9_.-]{0,14}$' })

const Pool = Type.Object({ start: IP('First address.'), end: IP('Last address.') })

const HostRoute = Type.Object({
  destination: Type.String({
    description: 'The range that is behind that router, such as 10.8.0.0/16.',
    maxLength: 49,
    ...rules({ rule: 'isCIDR(self)', message: 'must be a CIDR such as 10.8.0.0/16' }),
  }),
  nextHop: IP('The router.'),
})

export const Subnet = Type.Object(
  {
    cidr: Type.String({
      description: 'The range, such as 10.0.0.0/24.',
      maxLength: 49,
      ...rules({
        rule: 'isCIDR(self) && cidr(self) == cidr(self).masked()',
        message: 'must be a CIDR whose host bits are zero, such as 10.0.0.0/24',
      }),
    }),
    gateway: Type.Optional(IP('Default router told to guests; none: no default route.')),
    pools: Type.Optional(
      Type.Array(Pool, {
        description:
          'Ranges that addresses are taken from; default: all but network, broadcast, gateway and DHCP address.',
        maxItems: 16,
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    dnsServers: Type.Optional(
      Type.Array(IP('A resolver.'), {
        maxItems: 8,
        'x-kubernetes-list-type': 'atomic',
        description: 'Told to guests.',
      }),
    ),
    hostRoutes: Type.Optional(
      Type.Array(HostRoute, {
        maxItems: 32,
        'x-kubernetes-list-type': 'atomic',
        description: 'More routes told to guests.',
      }),
    ),
    dhcp: Type.Boolean({ default: true, description: 'true: each host answers DHCP for its own servers.' }),
    dhcpAddress: Type.Optional(
      IP("Address that DHCP answers from, the same on every host; default: the subnet's last usable one."),
    ),
  },
  rules(
    {
      rule: '!isCIDR(self.cidr) || !has(self.gateway) || !isIP(self.gateway) || cidr(self.cidr).containsIP(self.gateway)',
      message: 'gateway must lie in cidr',
      fieldPath: '.gateway',
    },
    {
      rule: '!isCIDR(self.cidr) || !has(self.dhcpAddress) || !isIP(self.dhcpAddress) || cidr(self.cidr).containsIP(self.dhcpAddress)',
      message: 'dhcpAddress must lie in cidr',
      fieldPath: '.dhcpAddress',
    },
    {
      rule: '!self.dhcp || !has(self.gateway) || !has(self.dhcpAddress) || self.gateway != self.dhcpAddress',
      message: 'dhcpAddress must not be the gateway: DHCP answers from an address of its own, the same on every host',
      fieldPath: '.dhcpAddress',
    },
    {
      rule: '!isCIDR(self.cidr) || !has(self.pools) || self.pools.all(p, !isIP(p.start) || !isIP(p.end) || (cidr(self.cidr).containsIP(p.start) && cidr(self.cidr).containsIP(p.end)))',
      message: 'each pool must lie in cidr',
      fieldPath: '.pools',
    },
  ),
)
export type Subnet = Static<typeof Subnet>

export const NetworkSpec = Type.Object(
  {
    bridge: Type.Optional({
      ...interfaceName('A bridge that every host has already; default: one of our own, made where it is needed.'),
      ...immutable('bridge'),
    }),
    uplink: Type.Optional(
      interfaceName('Host interface put into our own bridge; none: the network stays inside each host.'),
    ),
    mtu: Type.Integer({
      description: 'Largest packet in bytes, of the bridge and told to guests.',
      minimum: 576,
      maximum: 65_535,
      default: 1500,
    }),
    shared: Type.Boolean({ default: false, description: 'true: servers of every namespace may use it.' }),
    portSecurity: Type.Boolean({
      default: true,
      description: 'true: a server can send only from the MAC and the addresses of its port.',
    }),
    subnets: Type.Array(Subnet, {
      description: 'At most one of IPv4 and one of IPv6; none: a segment without addresses.',
      maxItems: 2,
      default: [],
      'x-kubernetes-list-type': 'atomic',
      ...rules({
        rule: 'self.size() < 2 || !isCIDR(self[0].cidr) || !isCIDR(self[1].cidr) || cidr(self[0].cidr).ip().family() != cidr(self[1].cidr).ip().family()',
        message: 'two subnets must be one of IPv4 and one of IPv6',
      }),
    }),
  },
  rules(once('bridge'), {
    rule: '!has(self.bridge) || !has(self.uplink)',
    message: 'uplink goes with our own bridge: leave bridge out, or uplink',
    fieldPath: '.uplink',
  }),
)

export const NetworkStatus = Type.Object({
  ...CommonStatus,
})

export const network = kind({
  kind: 'Network',
  plural: 'networks',
  shortNames: ['vnet'],
  scope: 'Namespaced',
  description: "A flat network: a bridge on each host, and the subnets of its servers' addresses.",
  spec: NetworkSpec,
  status: NetworkStatus,
  columns: [
    { name: 'CIDR', type: 'string', jsonPath: '.spec.subnets[0].cidr' },
    { name: 'Gateway', type: 'string', jsonPath: '.spec.subnets[0].gateway' },
    { name: 'DHCP', type: 'boolean', jsonPath: '.spec.subnets[0].dhcp' },
    { name: 'Shared', type: 'boolean', jsonPath: '.spec.shared' },
    readyColumn,
    { name: 'Bridge', type: 'string', jsonPath: '.spec.bridge', priority: 1 },
    reasonColumn,
    ageColumn,
  ],
})
export type Network = Resource<typeof network>

/** Reference to a Network; without a namespace: the one of the referrer, or else a shared one is not looked for. */
export const NetworkRef = {
  name: Name('Name of a Network.'),
  namespace: Type.Optional(Name('Its namespace, if it is a shared one of another namespace.')),
}
