/** HostAggregate: a group of hosts with metadata. With `availabilityZone` it is an availability zone. */
import { Type } from 'typebox'
import {
  ageColumn,
  CommonStatus,
  defineKind,
  Name,
  Pairs,
  patternWithMessage,
  type Resource,
  readyColumn,
  reasonColumn,
} from '../schema.ts'

/** Nova's form zone:host:node, which forces a host, is not accepted. */
export const zone = {
  minLength: 1,
  maxLength: 255,
  ...patternWithMessage(
    '^[^:\\s\\p{C}]([^:\\p{C}]*[^:\\s\\p{C}])?$',
    "must be a zone's name: printable, without ':' and without blanks at its ends",
  ),
}

export const HostAggregateSpec = Type.Object({
  availabilityZone: Type.Optional(
    Type.String({ description: 'The availability zone of its hosts. A host can be in one zone only.', ...zone }),
  ),
  hosts: Type.Array(Name('Name of a Hypervisor.'), {
    description: 'Names of the Hypervisors in it.',
    default: [],
    maxItems: 10_000,
    'x-kubernetes-list-type': 'set',
  }),
  metadata: Type.Optional(Pairs('Matched by flavors with aggregate_instance_extra_specs:<key>.')),
})

export const HostAggregateStatus = Type.Object({
  ...CommonStatus,
  hosts: Type.Optional(Type.Integer({ description: 'The number of hosts in hosts.' })),
})

export const hostAggregate = defineKind({
  kind: 'HostAggregate',
  plural: 'hostaggregates',
  shortNames: ['hagg'],
  scope: 'Cluster',
  description: 'Hosts grouped for placement: an availability zone, or metadata that flavors ask for.',
  spec: HostAggregateSpec,
  status: HostAggregateStatus,
  columns: [
    { name: 'Zone', type: 'string', jsonPath: '.spec.availabilityZone' },
    { name: 'Hosts', type: 'integer', jsonPath: '.status.hosts' },
    readyColumn,
    reasonColumn,
    ageColumn,
  ],
})
export type HostAggregate = Resource<typeof hostAggregate>
