/** The body of POST /servers at each microversion. */
import { array, boolean, object, oneOf, schema, string, type TypeOf } from '../../validation/schema.ts'
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

const uuid = string({ format: 'uuid' })
const volumeSize = schema<string | number>({
  type: ['integer', 'string'],
  pattern: '^[0-9]+$',
  minimum: 1,
  maximum: 2_147_483_647,
})
const text = string({ maxLength: 255 })

const legacyDevice = {
  virtual_name: text,
  volume_id: uuid,
  snapshot_id: uuid,
  volume_size: volumeSize,
  device_name: string({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._/-]*$' }),
  delete_on_termination: boolean,
  no_device: schema<unknown>({}),
  connection_info: string({ maxLength: 16_777_215 }),
}
const device = {
  ...legacyDevice,
  source_type: oneOf(['volume', 'image', 'snapshot', 'blank'], { type: 'string' }),
  uuid: string({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._-]*$' }),
  image_id: uuid,
  destination_type: oneOf(['local', 'volume'], { type: 'string' }),
  guest_format: text,
  device_type: text,
  disk_bus: text,
  boot_index: schema<string | number | null>({ type: ['integer', 'string', 'null'], pattern: '^-?[0-9]+$' }),
}
const taggedDevice = { ...device, tag }
const typedDevice = {
  ...taggedDevice,
  volume_type: schema<string | null>({ type: ['string', 'null'], minLength: 0, maxLength: 255 }),
}

const port = schema<string | null>({ type: ['string', 'null'], format: 'uuid' })
const looseNetwork = { fixed_ip: ipAddress, port, uuid: string() }
const network = { fixed_ip: ipAddress, port, uuid }

interface NetworkRequest {
  fixed_ip?: string
  port?: string | null
  uuid?: string
  tag?: string
}
const networksOrWord = (properties: object) =>
  schema<NetworkRequest[] | 'none' | 'auto'>({
    oneOf: [
      { type: 'array', items: { type: 'object', properties, additionalProperties: false } },
      { type: 'string', enum: ['none', 'auto'] },
    ],
  })

const serverId = { type: 'string', format: 'uuid' }
const hints = schema<Record<string, unknown>>({
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

const personality = array(object({ path: string(), contents: string({ format: 'base64' }) }))

const base = {
  name,
  imageRef: schema<string>({
    oneOf: [
      { type: 'string', format: 'uuid' },
      { type: 'string', maxLength: 0 },
    ],
  }),
  flavorRef,
  adminPass: string(),
  metadata,
  networks: array(object(looseNetwork)) as unknown as ReturnType<typeof networksOrWord>,
  'OS-DCF:diskConfig': diskConfig,
  accessIPv4,
  accessIPv6,
  personality,
  availability_zone: name,
  block_device_mapping: array(object(legacyDevice)),
  block_device_mapping_v2: array(object(device)),
  config_drive: boolean,
  key_name: name,
  min_count: positiveInteger,
  max_count: positiveInteger,
  return_reservation_id: boolean,
  security_groups: array(object({ name })),
  user_data: base64,
}
const v19 = { ...base, description }
const v32 = {
  ...v19,
  networks: array(object({ ...looseNetwork, tag })) as unknown as ReturnType<typeof networksOrWord>,
  block_device_mapping_v2: array(object(taggedDevice)),
}
const v33 = { ...v32, block_device_mapping_v2: base.block_device_mapping_v2 }
const v37 = { ...v33, networks: networksOrWord(network) }
const v42 = {
  ...v37,
  networks: networksOrWord({ ...network, tag }),
  block_device_mapping_v2: array(object(taggedDevice)),
}
const v52 = { ...v42, tags: array(tag, { maxItems: 50 }) }
const { personality: _personality, ...v57 } = v52
const v63 = {
  ...v57,
  trusted_image_certificates: schema<string[] | null>({
    type: ['array', 'null'],
    minItems: 1,
    maxItems: 50,
    uniqueItems: true,
    items: { type: 'string', minLength: 1 },
  }),
}
const v67 = { ...v63, block_device_mapping_v2: array(object(typedDevice)) }
const v74 = { ...v67, host: hostName, hypervisor_hostname: hostName }
const v90 = { ...v74, hostname: hostLabel }
const v94 = { ...v90, hostname: hostName }

type Properties = Readonly<Record<string, ReturnType<typeof schema>>>
const bodyOf = (properties: Properties, required: readonly string[] = ['name', 'flavorRef']) =>
  object(
    {
      server: object(properties, { required: [...required] }),
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

const newest = object({ ...v94, personality }, { required: ['name', 'flavorRef'] })
/** A valid body of any microversion: the properties that a microversion lacks are absent. */
export interface CreateServerBody {
  server: TypeOf<typeof newest>
  'os:scheduler_hints'?: Record<string, unknown>
  'OS-SCH-HNT:scheduler_hints'?: Record<string, unknown>
}
export type { NetworkRequest }
