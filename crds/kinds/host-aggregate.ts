/** HostAggregate: a group of hosts with metadata; with an availability zone it is one. */
import { Type } from 'typebox'
import { ageColumn, CommonStatus, kind, Name, type Resource, readyColumn, reasonColumn } from '../schema.ts'

export const HostAggregateSpec = Type.Object({
  availabilityZone: Type.Optional(
    Type.String({
      description: 'The zone that its hosts are in; a host can be in one zone only.',
      pattern: '^[^:\\s][^:]{0,253}$',
    }),
  ),
  hosts: Type.Array(Name('Name of a Hypervisor.'), {
    description: 'Names of the Hypervisors in it.',
    default: [],
    maxItems: 10_000,
    'x-kubernetes-list-type': 'set',
  }),
  metadata: Type.Optional(
    Type.Record(Type.String(), Type.String({ maxLength: 255 }), {
      description: 'Matched by flavors with aggregate_instance_extra_specs:<key>.',
      maxProperties: 128,
    }),
  ),
})

export const HostAggregateStatus = Type.Object({
  ...CommonStatus,
  hosts: Type.Optional(Type.Integer({ description: 'How many hosts it names.' })),
})

export const hostAggregate = kind({
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
