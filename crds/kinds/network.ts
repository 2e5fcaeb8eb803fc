/** Network: a layer-2 segment on the hosts' bridges, with the subnets that servers get addresses from. */
import { type Static, Type } from 'typebox'
import {
  ageColumn,
  CommonStatus,
  celRules,
  defineKind,
  immutableRule,
  Name,
  Namespace,
  patternWithMessage,
  type Resource,
  type Rule,
  readyColumn,
  reasonColumn,
  settableOnlyAtCreate,
} from '../schema.ts'
import { CIDR, IP, usableRange } from './address.ts'
import { subnetRules, subnetsRules } from './subnet-rules.ts'

/** The names `kn…`, `kd…` and `tap…` are rejected, because agents create interfaces with such names. */
const interfaceName = (description: string, ...more: Rule[]) =>
  Type.String({
    description,
    maxLength: 15,
    ...patternWithMessage(
      '^[a-zA-Z][a-zA-Z0-9_.-]{0,14}$',
      "must be a name of a network interface: a letter, then letters, digits, '_', '.' or '-', at most 15 characters",
    ),
    ...celRules(
      {
        rule: "self != 'lo' && !self.matches('^(kn|kd)[0-9a-f]{12}$|^tap[0-9a-f]{8}-')",
        message:
          'must be an interface of the host itself: not lo, and none that an agent creates for networks and servers',
      },
      ...more,
    ),
  })

const Pool = Type.Object({ start: IP('First address.'), end: IP('Last address.') })

const HostRoute = Type.Object(
  {
    destination: CIDR('The range behind the router, such as 10.8.0.0/16.', '10.8.0.0/16'),
    nextHop: IP('The router: an address of cidr, a link-local one or the gateway (see also onLink).'),
  },
  celRules({
    rule: '!isCIDR(self.destination) || !isIP(self.nextHop) || cidr(self.destination).ip().family() == ip(self.nextHop).family()',
    message: 'nextHop must be of the family of destination',
    fieldPath: '.nextHop',
  }),
)

export const Subnet = Type.Object(
  {
    cidr: CIDR('The range, such as 10.0.0.0/24.', '10.0.0.0/24', usableRange),
    gateway: Type.Optional(
      IP(
        'Default router of the guests: an address of cidr, or a link-local one such as fe80::1 or 169.254.0.1 (see also onLink). Guests learn it by DHCP (IPv4) and from network_data.json on the config drive (both families): DHCPv6 cannot name a router. Absent: no default route, except for IPv6 by a router that advertises itself.',
      ),
    ),
    onLink: Type.Optional(
      Type.Boolean({
        description:
          'true: gateway and next hops may lie outside cidr, and guests reach them directly. Link-local routers, and all routers of a /32 or /128, are reached directly in any case. Default: false.',
      }),
    ),
    pools: Type.Optional(
      Type.Array(Pool, {
        description:
          'Ranges from which addresses are allocated, without those that the network itself uses or names (gateway, DHCP, resolvers, next hops). Default: the whole cidr.',
        maxItems: 16,
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    dnsServers: Type.Optional(
      Type.Array(IP('A resolver.'), {
        maxItems: 8,
        'x-kubernetes-list-type': 'atomic',
        description: 'Resolvers that guests are given.',
        ...celRules({
          rule: 'self.all(a, !isIP(a) || self.exists_one(b, isIP(b) && ip(a) == ip(b)))',
          message: 'each resolver can be given once',
        }),
      }),
    ),
    hostRoutes: Type.Optional(
      Type.Array(HostRoute, {
        maxItems: 32,
        'x-kubernetes-list-type': 'atomic',
        description: 'More routes that guests are given.',
        ...celRules({
          rule: 'self.all(a, !isCIDR(a.destination) || self.exists_one(b, isCIDR(b.destination) && cidr(a.destination) == cidr(b.destination)))',
          message: 'only one route can be given for each destination',
        }),
      }),
    ),
    // No default in the schema, because a default within a list's items shows as a difference in Argo CD
    // (docs/adr/0056).
    dhcp: Type.Optional(
      Type.Boolean({ description: 'true: each host answers DHCP for its own servers. Default: true.' }),
    ),
    dhcpAddress: Type.Optional(
      IP(
        "Address from which DHCP answers, the same on every host. Default: the subnet's last one that nothing else is named to have; for an IPv4 prefix of 30 or more, 169.254.67.67.",
      ),
    ),
  },
  celRules(...subnetRules),
)
export type Subnet = Static<typeof Subnet>

export const hasDhcp = ({ dhcp = true }: Subnet): boolean => dhcp

export const NetworkSpec = Type.Object(
  {
    bridge: Type.Optional(
      interfaceName(
        'A bridge that every host has. Default: the agents create one where it is needed.',
        ...immutableRule('bridge')['x-kubernetes-validations'],
      ),
    ),
    uplink: Type.Optional(
      interfaceName(
        'Interface of the host that the agent adds to its bridge. Absent: the network stays within each host.',
        ...immutableRule('uplink')['x-kubernetes-validations'],
      ),
    ),
    mtu: Type.Integer({
      description: 'Largest packet in bytes, on the bridge and for the guests.',
      minimum: 576,
      maximum: 65_535,
      default: 1500,
    }),
    shared: Type.Boolean({ default: false, description: 'true: servers of every namespace may use the network.' }),
    portSecurity: Type.Boolean({
      default: true,
      description: 'true: a server can send only from the MAC and the addresses of its port.',
    }),
    subnets: Type.Array(Subnet, {
      description: 'At most one of IPv4 and one of IPv6. Empty: a segment without addresses.',
      maxItems: 2,
      default: [],
      'x-kubernetes-list-type': 'atomic',
      ...celRules(...subnetsRules),
    }),
  },
  celRules(
    settableOnlyAtCreate('bridge'),
    settableOnlyAtCreate('uplink'),
    {
      rule: '!has(self.bridge) || !has(self.uplink)',
      message: 'uplink can only be given without bridge: leave one of them out',
      fieldPath: '.uplink',
    },
    {
      rule: "self.mtu >= 1280 || !self.subnets.exists(s, s.cidr.contains(':'))",
      message: 'IPv6 needs an mtu of at least 1280',
      fieldPath: '.mtu',
    },
  ),
)

export const NetworkStatus = Type.Object({
  ...CommonStatus,
})

export const network = defineKind({
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
    { name: 'Shared', type: 'boolean', jsonPath: '.spec.shared' },
    readyColumn,
    { name: 'Bridge', type: 'string', jsonPath: '.spec.bridge', priority: 1 },
    reasonColumn,
    ageColumn,
  ],
})
export type Network = Resource<typeof network>

/** Without `namespace`, the Network is in the namespace of the object that refers to it. */
export const NetworkRef = {
  name: Name('Name of a Network.'),
  namespace: Type.Optional(Namespace('Namespace of that Network, if it is a shared one of another namespace.')),
}
