/** Flavor: a size of server, as in Nova. */
import { Type } from 'typebox'
import { ageColumn, CommonStatus, immutable, kind, Name, type Resource, readyColumn, rules } from '../schema.ts'

/** The sizes, without what the flavor says of itself: copied into a Server when it is placed. */
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
  extraSpecs: Type.Optional(
    Type.Record(Type.String(), Type.String({ maxLength: 255 }), {
      description: "Nova's extra specs, such as hw:cpu_policy or aggregate_instance_extra_specs:ssd.",
      maxProperties: 128,
    }),
  ),
}

const size = { ...FlavorSizes }
export const FlavorSpec = Type.Object(
  {
    vcpus: { ...size.vcpus, ...immutable('vcpus') },
    ram: { ...size.ram, ...immutable('ram') },
    disk: { ...size.disk, ...immutable('disk') },
    ephemeral: { ...size.ephemeral, ...immutable('ephemeral') },
    swap: { ...size.swap, ...immutable('swap') },
    extraSpecs: size.extraSpecs,
    description: Type.Optional(Type.String({ description: 'Free text.', maxLength: 65_535 })),
    isPublic: Type.Boolean({ default: true, description: 'false: only the namespaces in access may use it.' }),
    access: Type.Optional(
      Type.Array(Name('A namespace.'), {
        description: 'Namespaces that may use a flavor that is not public.',
        'x-kubernetes-list-type': 'set',
        maxItems: 1024,
      }),
    ),
  },
  rules({
    rule: '!has(self.access) || self.access.size() == 0 || !self.isPublic',
    message: 'access goes with isPublic: false',
    fieldPath: '.access',
  }),
)

export const FlavorStatus = Type.Object({ ...CommonStatus })

export const flavor = kind({
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
