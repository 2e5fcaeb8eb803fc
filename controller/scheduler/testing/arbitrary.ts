/**
 * The reference implementation (reference.ts) handles only the values in this file, so a value that is added here must
 * be added there too.
 */
import * as fc from 'fast-check'
import { type HostOverrides, makeAggregate, makeRequest } from '../testing.ts'

export const arbitraryOverrides: fc.Arbitrary<HostOverrides> = fc.record(
  {
    vcpus: fc.integer({ min: 1, max: 8 }),
    ram: fc.integer({ min: 0, max: 4096 }),
    disk: fc.integer({ min: 0, max: 50 }),
    disabled: fc.boolean(),
    state: fc.constantFrom('up' as const, 'up' as const, 'down' as const),
    unreported: fc.boolean(),
    maxServers: fc.integer({ min: 0, max: 4 }),
    qemuVersion: fc.constantFrom('7.2.0', '8.2.0', ''),
    used: fc.record({
      vcpus: fc.integer({ min: 0, max: 20 }),
      ram: fc.integer({ min: 0, max: 4096 }),
      disk: fc.integer({ min: 0, max: 60 }),
      servers: fc.integer({ min: 0, max: 4 }),
      ioOps: fc.integer({ min: 0, max: 3 }),
    }),
    aggregates: fc.constantFrom(
      [],
      [makeAggregate('a', { ssd: 'true', ram_weight_multiplier: '-1' }, 'az1')],
      [makeAggregate('b', {}, 'az2')],
      [makeAggregate('c', {}, 'az1')],
      [makeAggregate('c', {}, 'az2')],
      [makeAggregate('c', {})],
    ),
  },
  { requiredKeys: [] },
)

export const arbitraryHosts: fc.Arbitrary<[string, HostOverrides][]> = fc
  .array(arbitraryOverrides, { maxLength: 12, size: 'max' })
  .map((list) => list.map((overrides, i) => [`h${i}`, overrides]))

const hostNames = fc.subarray(['h0', 'h1', 'h2', 'h3'])
const hint = fc.option(fc.record({ hosts: hostNames, unresolved: fc.constant([]) }), { nil: undefined })

/** Most fields are absent from some of the requests, so that different filters check each request. */
export const arbitraryRequest = fc
  .record(
    {
      flavor: fc.record({
        vcpus: fc.integer({ min: 1, max: 9 }),
        ram: fc.integer({ min: 1, max: 4096 }),
        disk: fc.integer({ min: 0, max: 50 }),
        extraSpecs: fc.constantFrom<Record<string, string>>(
          {},
          {},
          { 'aggregate_instance_extra_specs:ssd': 'true' },
          { 'capabilities:num_instances': '<= 2' },
          { 'resources:VCPU': '0' },
        ),
      }),
      image: fc.constantFrom({}, {}, { properties: { img_hv_requested_version: '>=8.0' } }),
      availabilityZone: fc.constantFrom('az1', 'az2', 'nova'),
      sameHost: hint,
      differentHost: hint,
      ignoreHosts: hostNames,
      uid: fc.uuid(),
    },
    { requiredKeys: ['flavor', 'uid'] },
  )
  .map(({ uid, sameHost, differentHost, ...rest }) =>
    makeRequest({
      ...rest,
      server: { namespace: 'ns', name: 'web', uid },
      ...(sameHost ? { sameHost } : {}),
      ...(differentHost ? { differentHost } : {}),
    }),
  )
