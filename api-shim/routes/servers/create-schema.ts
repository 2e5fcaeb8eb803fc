import {
  arraySchema,
  boolean,
  objectSchema,
  oneOf,
  schemaFrom,
  stringSchema,
  type TypeOf,
} from '../../validation/schema.ts'
import {
  accessIPv4,
  accessIPv6,
  base64,
  description,
  diskConfig,
  flavorRef,
  hostLabel,
  hostName,
  ipAddress,
  metadata,
  name,
  positiveInteger,
  tag,
} from './parameters.ts'

const uuid = stringSchema({ format: 'uuid' })
const volumeSize = schemaFrom<string | number>({
  type: ['integer', 'string'],
  pattern: '^[0-9]+$',
  minimum: 1,
  maximum: 2_147_483_647,
})
const text = stringSchema({ maxLength: 255 })

const legacyDevice = {
  virtual_name: text,
  volume_id: uuid,
  snapshot_id: uuid,
  volume_size: volumeSize,
  device_name: stringSchema({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._/-]*$' }),
  delete_on_termination: boolean,
  no_device: schemaFrom<unknown>({}),
  connection_info: stringSchema({ maxLength: 16_777_215 }),
}
const device = {
  ...legacyDevice,
  source_type: oneOf(['volume', 'image', 'snapshot', 'blank'], { type: 'string' }),
  uuid: stringSchema({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._-]*$' }),
  image_id: uuid,
  destination_type: oneOf(['local', 'volume'], { type: 'string' }),
  guest_format: text,
  device_type: text,
  disk_bus: text,
  boot_index: schemaFrom<string | number | null>({ type: ['integer', 'string', 'null'], pattern: '^-?[0-9]+$' }),
}
const taggedDevice = { ...device, tag }
const typedDevice = {
  ...taggedDevice,
  volume_type: schemaFrom<string | null>({ type: ['string', 'null'], minLength: 0, maxLength: 255 }),
}

const port = schemaFrom<string | null>({ type: ['string', 'null'], format: 'uuid' })
const looseNetwork = { fixed_ip: ipAddress, port, uuid: stringSchema() }
const network = { fixed_ip: ipAddress, port, uuid }

interface NetworkRequest {
  fixed_ip?: string
  port?: string | null
  uuid?: string
  tag?: string
}
const networksOrWord = (properties: object) =>
  schemaFrom<NetworkRequest[] | 'none' | 'auto'>({
    oneOf: [
      { type: 'array', items: { type: 'object', properties, additionalProperties: false } },
      { type: 'string', enum: ['none', 'auto'] },
    ],
  })

const serverId = { type: 'string', format: 'uuid' }
const hints = schemaFrom<Record<string, unknown>>({
  type: 'object',
  properties: {
    group: { oneOf: [{ type: 'array', items: serverId }, serverId] },
    different_host: { oneOf: [serverId, { type: 'array', items: serverId }] },
    same_host: { type: ['string', 'array'], items: serverId },
    query: { type: ['string', 'object'] },
    target_cell: name,
    different_cell: { type: ['string', 'array'], items: { type: 'string' } },
    build_near_host_ip: ipAddress,
    cidr: { type: 'string', pattern: '^/[0-9a-f.:]+$' },
  },
  additionalProperties: true,
})

const personality = arraySchema(objectSchema({ path: stringSchema(), contents: stringSchema({ format: 'base64' }) }))

const base = {
  name,
  imageRef: schemaFrom<string>({
    oneOf: [
      { type: 'string', format: 'uuid' },
      { type: 'string', maxLength: 0 },
    ],
  }),
  flavorRef,
  adminPass: stringSchema(),
  metadata,
  networks: arraySchema(objectSchema(looseNetwork)) as unknown as ReturnType<typeof networksOrWord>,
  'OS-DCF:diskConfig': diskConfig,
  accessIPv4,
  accessIPv6,
  personality,
  availability_zone: name,
  block_device_mapping: arraySchema(objectSchema(legacyDevice)),
  block_device_mapping_v2: arraySchema(objectSchema(device)),
  config_drive: boolean,
  key_name: name,
  min_count: positiveInteger,
  max_count: positiveInteger,
  return_reservation_id: boolean,
  security_groups: arraySchema(objectSchema({ name })),
  user_data: base64,
}
const v19 = { ...base, description }
const v32 = {
  ...v19,
  networks: arraySchema(objectSchema({ ...looseNetwork, tag })) as unknown as ReturnType<typeof networksOrWord>,
  block_device_mapping_v2: arraySchema(objectSchema(taggedDevice)),
}
const v33 = { ...v32, block_device_mapping_v2: base.block_device_mapping_v2 }
const v37 = { ...v33, networks: networksOrWord(network) }
const v42 = {
  ...v37,
  networks: networksOrWord({ ...network, tag }),
  block_device_mapping_v2: arraySchema(objectSchema(taggedDevice)),
}
const v52 = { ...v42, tags: arraySchema(tag, { maxItems: 50 }) }
const { personality: _personality, ...v57 } = v52
const v63 = {
  ...v57,
  trusted_image_certificates: schemaFrom<string[] | null>({
    type: ['array', 'null'],
    minItems: 1,
    maxItems: 50,
    uniqueItems: true,
    items: { type: 'string', minLength: 1 },
  }),
}
const v67 = { ...v63, block_device_mapping_v2: arraySchema(objectSchema(typedDevice)) }
const v74 = { ...v67, host: hostName, hypervisor_hostname: hostName }
const v90 = { ...v74, hostname: hostLabel }
const v94 = { ...v90, hostname: hostName }

type Properties = Readonly<Record<string, ReturnType<typeof schemaFrom>>>
const bodyOf = (properties: Properties, required: readonly string[] = ['name', 'flavorRef']) =>
  objectSchema(
    {
      server: objectSchema(properties, { required: [...required] }),
      'os:scheduler_hints': hints,
      'OS-SCH-HNT:scheduler_hints': hints,
    },
    { required: ['server'] },
  )
const withNetworks = ['name', 'flavorRef', 'networks']

export const createServerBody = {
  '2.1': bodyOf(base),
  '2.19': bodyOf(v19),
  '2.32': bodyOf(v32),
  '2.33': bodyOf(v33),
  '2.37': bodyOf(v37, withNetworks),
  '2.42': bodyOf(v42, withNetworks),
  '2.52': bodyOf(v52, withNetworks),
  '2.57': bodyOf(v57, withNetworks),
  '2.63': bodyOf(v63, withNetworks),
  '2.67': bodyOf(v67, withNetworks),
  '2.74': bodyOf(v74, withNetworks),
  '2.90': bodyOf(v90, withNetworks),
  '2.94': bodyOf(v94, withNetworks),
} as const

const newest = objectSchema({ ...v94, personality }, { required: ['name', 'flavorRef'] })
/** A valid body of any microversion; properties that its microversion lacks are absent. */
export interface CreateServerBody {
  server: TypeOf<typeof newest>
  'os:scheduler_hints'?: Record<string, unknown>
  'OS-SCH-HNT:scheduler_hints'?: Record<string, unknown>
}
export type { NetworkRequest }
