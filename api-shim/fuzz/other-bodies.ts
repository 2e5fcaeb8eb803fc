/** Schemas of the bodies that routes of the Image and the Network API read by themselves, by the name of the route. */
import { attributes } from '../routes/images/attributes.ts'
import { array, boolean, integer, object, oneOf, type Schema, schema, string } from '../validation/schema.ts'

const settable = ['name', 'visibility', 'protected', 'os_hidden', 'container_format', 'disk_format', 'tags', 'min_ram']
const anything: Schema = schema({ type: ['string', 'null', 'integer', 'array', 'boolean'] })

const image = schema({
  type: 'object',
  properties: Object.fromEntries(Object.entries(attributes).filter(([name]) => [...settable, 'id'].includes(name))),
  patternProperties: { '^[a-z_]{1,12}$': string() },
})
const change = object(
  {
    op: oneOf(['add', 'replace', 'remove']),
    path: oneOf([...settable.map((name) => `/${name}`), '/hw_disk_bus', '/__proto__', '/a/b', '/~2', 'name']),
    value: anything,
  },
  { required: ['op', 'path'] },
)

const network = object({
  network: object({
    name: string(),
    description: string(),
    mtu: integer(),
    shared: boolean,
    admin_state_up: boolean,
    port_security_enabled: boolean,
    'provider:network_type': oneOf(['flat', 'vlan', 'vxlan']),
    'provider:physical_network': string(),
    'provider:segmentation_id': integer(),
    'router:external': boolean,
  }),
})
const pool = object({ start: string({ format: 'ipv4' }), end: string({ format: 'ipv4' }) })
const subnet = object({
  subnet: object(
    {
      network_id: string(),
      name: string(),
      ip_version: oneOf([4, 6, 5]),
      cidr: oneOf(['10.9.0.0/24', '10.0.0.0/0', 'fd00:9::/64', '10.9.0.1/33', 'x', '']),
      gateway_ip: schema({ type: ['string', 'null'], format: 'ipv4' }),
      enable_dhcp: boolean,
      dns_nameservers: array(string({ format: 'ipv4' })),
      allocation_pools: array(pool),
      host_routes: array(object({ destination: string(), nexthop: string() })),
    },
    { required: ['network_id', 'cidr', 'ip_version'] },
  ),
})
const port = object({
  port: object(
    {
      network_id: string(),
      name: string(),
      mac_address: string(),
      fixed_ips: array(object({ subnet_id: string(), ip_address: string({ format: 'ipv4' }) })),
      security_groups: array(string()),
      device_id: string(),
      'binding:profile': schema({ type: 'object' }),
      allowed_address_pairs: array(anything),
    },
    { required: ['network_id'] },
  ),
})

export const otherBodies: Readonly<Record<string, Schema>> = {
  'images:create': image,
  'images:update': array(change),
  'images:import': object({ method: object({ name: oneOf(['glance-direct', 'web-download']), uri: string() }) }),
  'networks:create': network,
  'networks:update': network,
  'subnets:create': subnet,
  'subnets:update': subnet,
  'ports:create': port,
  'ports:update': port,
}
