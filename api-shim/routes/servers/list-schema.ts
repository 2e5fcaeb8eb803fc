import {
  oneOf,
  pagination,
  querySchema,
  repeatedParameter,
  type Schema,
  stringSchema,
} from '../../validation/schema.ts'

const text = repeatedParameter(stringSchema())
const regex = repeatedParameter(stringSchema({ format: 'regex' }))
const time = repeatedParameter(stringSchema({ format: 'date-time' }))

/** The sort keys that have a meaning. */
export const sortKeys = [
  'access_ip_v4',
  'access_ip_v6',
  'auto_disk_config',
  'availability_zone',
  'config_drive',
  'created_at',
  'display_description',
  'display_name',
  'host',
  'hostname',
  'image_ref',
  'instance_type_id',
  'kernel_id',
  'key_name',
  'launch_index',
  'launched_at',
  'locked_by',
  'node',
  'power_state',
  'progress',
  'project_id',
  'ramdisk_id',
  'root_device_name',
  'task_state',
  'terminated_at',
  'updated_at',
  'user_id',
  'uuid',
  'vm_state',
] as const

/** Sort keys of old clients, which are accepted and ignored before 2.75. */
const ignoredSortKeys = [
  'architecture',
  'cell_name',
  'cleaned',
  'default_ephemeral_device',
  'default_swap_device',
  'deleted',
  'deleted_at',
  'disable_terminate',
  'ephemeral_gb',
  'ephemeral_key_uuid',
  'id',
  'key_data',
  'launched_on',
  'locked',
  'memory_mb',
  'os_type',
  'reservation_id',
  'root_gb',
  'shutdown_terminate',
  'user_data',
  'vcpus',
  'vm_mode',
]

const sortKeySchema = (names: readonly string[]): Schema => repeatedParameter(oneOf(names, { type: 'string' }))

export const internalFilters = [
  'block_device_mapping',
  'services',
  'metadata',
  'system_metadata',
  'info_cache',
  'security_groups',
  'pci_devices',
]

const base = {
  user_id: text,
  project_id: text,
  tenant_id: text,
  launch_index: text,
  image_ref: text,
  image: text,
  kernel_id: regex,
  ramdisk_id: regex,
  hostname: regex,
  key_name: regex,
  power_state: regex,
  vm_state: text,
  task_state: text,
  host: text,
  node: regex,
  flavor: regex,
  reservation_id: regex,
  launched_at: regex,
  terminated_at: regex,
  availability_zone: regex,
  name: regex,
  display_name: regex,
  description: regex,
  display_description: regex,
  locked_by: regex,
  uuid: text,
  root_device_name: regex,
  config_drive: regex,
  access_ip_v4: regex,
  access_ip_v6: regex,
  auto_disk_config: regex,
  progress: regex,
  sort_key: sortKeySchema([...sortKeys, ...ignoredSortKeys]),
  sort_dir: text,
  all_tenants: text,
  soft_deleted: text,
  deleted: text,
  status: text,
  'changes-since': time,
  ip: regex,
  ip6: regex,
  created_at: regex,
  ...Object.fromEntries(internalFilters.map((name) => [name, text])),
  ...pagination,
}
const withTags = { ...base, tags: regex, 'tags-any': regex, 'not-tags': regex, 'not-tags-any': regex }
const withBefore = { ...withTags, 'changes-before': time }
const allSortKeys = ['locked', ...sortKeys, ...ignoredSortKeys.filter((name) => name !== 'locked')]
const withLocked = { ...withBefore, sort_key: sortKeySchema(allSortKeys), locked: text }
const strict = { ...withLocked, sort_key: sortKeySchema(['locked', ...sortKeys]) }

const patternProperties = { '^_': text }
export const serversQuery = {
  '2.1': querySchema(base, { patternProperties }),
  '2.26': querySchema(withTags, { patternProperties }),
  '2.66': querySchema(withBefore, { patternProperties }),
  '2.73': querySchema(withLocked, { patternProperties }),
  '2.75': querySchema(strict, { patternProperties, additionalProperties: false }),
} as const
