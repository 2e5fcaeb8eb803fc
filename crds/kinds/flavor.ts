import { Type } from 'typebox'
import {
  ageColumn,
  CommonStatus,
  celRules,
  defineKind,
  immutableRule,
  Namespace,
  Pairs,
  type Resource,
  type Rule,
  readyColumn,
  StatusPairs,
  Text,
} from '../schema.ts'

/**
 * The extra specs that Kubenova uses: a pattern for the key, a pattern for the allowed values, and the message for any
 * other value. Other keys may have any value.
 */
const knownSpecs: readonly [keys: string, values: string, message: string][] = [
  ['trait[0-9]*:.*', 'required|forbidden', 'trait:… must be required or forbidden'],
  ['resources[0-9]*:.*', '[0-9]{1,15}', 'resources:… must be a whole number'],
  [
    'hw:hide_hypervisor_id|hw_rng:allowed',
    '(?i)1|0|t|f|true|false|on|off|yes|no|y|n',
    'hw:hide_hypervisor_id and hw_rng:allowed must be true or false',
  ],
  [
    'hw_rng:rate_(bytes|period)',
    '[1-9][0-9]{0,8}',
    'hw_rng:rate_bytes and hw_rng:rate_period must be whole numbers above 0',
  ],
  [
    'hw:watchdog_action',
    'disabled|reset|poweroff|pause|none',
    'hw:watchdog_action must be one of disabled, reset, poweroff, pause, none',
  ],
  ['hw:cpu_policy', 'shared|dedicated|mixed', 'hw:cpu_policy must be one of shared, dedicated, mixed'],
]

/**
 * Like `knownSpecs`, for extra specs whose key has no variable part. A CEL rule that looks up a key costs less than one
 * that compares every key with a pattern.
 */
const namedSpecs: readonly [keys: readonly string[], values: string, message: string][] = [
  [
    ['sockets', 'cores', 'threads'].flatMap((part) => [`hw:cpu_${part}`, `hw:cpu_max_${part}`]),
    '[1-9][0-9]{0,4}',
    'hw:cpu_sockets, hw:cpu_cores, hw:cpu_threads and hw:cpu_max_… must be whole numbers from 1 to 99999',
  ],
  [['os:secure_boot'], 'required|optional|disabled', 'os:secure_boot must be one of required, optional, disabled'],
  [['hw:tpm_version'], '1[.]2|2[.]0', 'hw:tpm_version must be 1.2 or 2.0'],
  [
    ['hw:mem_encryption', 'hw:ephemeral_encryption', 'hw:virtio_packed_ring'],
    '(?i)1|0|t|f|true|false|on|off|yes|no|y|n',
    'hw:mem_encryption, hw:ephemeral_encryption and hw:virtio_packed_ring must be true or false',
  ],
]

const specRules: Rule[] = [
  ...knownSpecs.map(([keys, values, message]) => ({
    rule: `self.all(k, !k.matches('^(${keys})$') || self[k].matches('^(${values})$'))`,
    message,
  })),
  ...namedSpecs.map(([keys, values, message]) => ({
    rule: `[${keys.map((key) => `'${key}'`).join(', ')}].all(k, !(k in self) || self[k].matches('^(${values})$'))`,
    message,
  })),
]

/** The controller copies these fields into the status of a Server when it places the Server. */
export const FlavorSizes = {
  vcpus: Type.Integer({ minimum: 1, maximum: 1024, description: 'Virtual CPUs.' }),
  ram: Type.Integer({ minimum: 1, maximum: 67_108_864, description: 'Memory in MiB.' }),
  disk: Type.Integer({
    minimum: 0,
    maximum: 1_048_576,
    default: 0,
    description: 'Root disk in GiB; 0: as large as the image.',
  }),
  ephemeral: Type.Integer({
    minimum: 0,
    maximum: 1_048_576,
    default: 0,
    description: 'Ephemeral disk in GiB; 0: none.',
  }),
  swap: Type.Integer({ minimum: 0, maximum: 1_048_576, default: 0, description: 'Swap disk in MiB; 0: none.' }),
  extraSpecs: Type.Optional(StatusPairs("Nova's extra specs.")),
}

const size = { ...FlavorSizes }
export const FlavorSpec = Type.Object(
  {
    vcpus: { ...size.vcpus, ...immutableRule('vcpus') },
    ram: { ...size.ram, ...immutableRule('ram') },
    disk: { ...size.disk, ...immutableRule('disk') },
    ephemeral: { ...size.ephemeral, ...immutableRule('ephemeral') },
    swap: { ...size.swap, ...immutableRule('swap') },
    extraSpecs: Type.Optional(
      Pairs("Nova's extra specs, such as hw:watchdog_action or aggregate_instance_extra_specs:ssd.", ...specRules),
    ),
    description: Type.Optional(Text('Free text.', 65_535)),
    isPublic: Type.Boolean({ default: true, description: 'false: only the namespaces in access may use it.' }),
    access: Type.Optional(
      Type.Array(Namespace('A namespace.'), {
        description: 'Namespaces that may use a flavor that is not public.',
        'x-kubernetes-list-type': 'set',
        maxItems: 1024,
      }),
    ),
  },
  celRules({
    rule: '!has(self.access) || self.access.size() == 0 || !self.isPublic',
    message: 'access can only be given with isPublic: false',
    fieldPath: '.access',
  }),
)

export const FlavorStatus = Type.Object({ ...CommonStatus })

export const flavor = defineKind({
  kind: 'Flavor',
  plural: 'flavors',
  shortNames: ['flv'],
  scope: 'Cluster',
  description: 'A size of server: virtual CPUs, memory, disks and extra specs. Its sizes cannot change.',
  spec: FlavorSpec,
  status: FlavorStatus,
  columns: [
    { name: 'VCPUs', type: 'integer', jsonPath: '.spec.vcpus' },
    { name: 'RAM', type: 'integer', jsonPath: '.spec.ram', description: 'MiB' },
    { name: 'Disk', type: 'integer', jsonPath: '.spec.disk', description: 'GiB' },
    { name: 'Ephemeral', type: 'integer', jsonPath: '.spec.ephemeral', priority: 1 },
    { name: 'Swap', type: 'integer', jsonPath: '.spec.swap', priority: 1 },
    { name: 'Public', type: 'boolean', jsonPath: '.spec.isPublic' },
    readyColumn,
    ageColumn,
  ],
})
export type Flavor = Resource<typeof flavor>
