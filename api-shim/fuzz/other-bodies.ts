/**
 * Schemas of the bodies that the Image and Network API's routes parse themselves, and of bodies that random values of
 * the route's own schema would never be, by the name of the route.
 */
import { attributes } from '../routes/images/attributes.ts'
import {
  arraySchema,
  boolean,
  integerSchema,
  objectSchema,
  oneOf,
  type Schema,
  schemaFrom,
  stringSchema,
} from '../validation/schema.ts'

const settable = ['name', 'visibility', 'protected', 'os_hidden', 'container_format', 'disk_format', 'tags', 'min_ram']
const anything: Schema = schemaFrom({ type: ['string', 'null', 'integer', 'array', 'boolean'] })

const image = schemaFrom({
  type: 'object',
  properties: Object.fromEntries(Object.entries(attributes).filter(([name]) => [...settable, 'id'].includes(name))),
  patternProperties: { '^[a-z_]{1,12}$': stringSchema() },
})
const change = objectSchema(
  {
    op: oneOf(['add', 'replace', 'remove']),
    path: oneOf([...settable.map((name) => `/${name}`), '/hw_disk_bus', '/__proto__', '/a/b', '/~2', 'name']),
    value: anything,
  },
  { required: ['op', 'path'] },
)

const network = objectSchema({
  network: objectSchema({
    name: stringSchema(),
    description: stringSchema(),
    mtu: integerSchema(),
    shared: boolean,
    admin_state_up: boolean,
    port_security_enabled: boolean,
    'provider:network_type': oneOf(['flat', 'vlan', 'vxlan']),
    'provider:physical_network': stringSchema(),
    'provider:segmentation_id': integerSchema(),
    'router:external': boolean,
  }),
})
const pool = objectSchema({ start: stringSchema({ format: 'ipv4' }), end: stringSchema({ format: 'ipv4' }) })
const subnet = objectSchema({
  subnet: objectSchema(
    {
      network_id: stringSchema(),
      name: stringSchema(),
      ip_version: oneOf([4, 6, 5]),
      cidr: oneOf(['10.9.0.0/24', '10.0.0.0/0', 'fd00:9::/64', '10.9.0.1/33', 'x', '']),
      gateway_ip: schemaFrom({ type: ['string', 'null'], format: 'ipv4' }),
      enable_dhcp: boolean,
      dns_nameservers: arraySchema(stringSchema({ format: 'ipv4' })),
      allocation_pools: arraySchema(pool),
      host_routes: arraySchema(objectSchema({ destination: stringSchema(), nexthop: stringSchema() })),
    },
    { required: ['network_id', 'cidr', 'ip_version'] },
  ),
})
const port = objectSchema({
  port: objectSchema(
    {
      network_id: stringSchema(),
      name: stringSchema(),
      mac_address: stringSchema(),
      fixed_ips: arraySchema(objectSchema({ subnet_id: stringSchema(), ip_address: stringSchema({ format: 'ipv4' }) })),
      security_groups: arraySchema(stringSchema()),
      device_id: stringSchema(),
      'binding:profile': schemaFrom({ type: 'object' }),
      allowed_address_pairs: arraySchema(anything),
    },
    { required: ['network_id'] },
  ),
})

const user = objectSchema({ name: stringSchema(), password: stringSchema() }, { required: ['name', 'password'] })
const proofs: readonly Schema[] = [
  objectSchema(
    { methods: schemaFrom({ const: ['password'] }), password: objectSchema({ user }, { required: ['user'] }) },
    { required: ['methods', 'password'] },
  ),
  objectSchema(
    {
      methods: schemaFrom({ const: ['application_credential'] }),
      application_credential: objectSchema(
        { id: stringSchema(), secret: stringSchema() },
        { required: ['id', 'secret'] },
      ),
    },
    { required: ['methods', 'application_credential'] },
  ),
]
const tokenRequest = objectSchema(
  { auth: objectSchema({ identity: schemaFrom({ anyOf: proofs }) }, { required: ['identity'] }) },
  { required: ['auth'] },
)

export const otherBodies: Readonly<Record<string, Schema>> = {
  'images:create': image,
  'images:update': arraySchema(change),
  'images:import': objectSchema({
    method: objectSchema({ name: oneOf(['glance-direct', 'web-download']), uri: stringSchema() }),
  }),
  'networks:create': network,
  'networks:update': network,
  'subnets:create': subnet,
  'subnets:update': subnet,
  'ports:create': port,
  'ports:update': port,
  'tokens:issue': tokenRequest,
  'users:create': objectSchema(
    { user: objectSchema({ name: stringSchema({ minLength: 1 }) }, { required: ['name'] }) },
    { required: ['user'] },
  ),
}
