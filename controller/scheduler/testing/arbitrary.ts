/** Hosts and requests of all sorts, for properties that hold always. */
import * as fc from 'fast-check'
import { filterNames } from '../filters.ts'
import type { SchedulerOptions } from '../options.ts'
import { aggregate, host, request } from '../testing.ts'
import { weigherNames } from '../weighers.ts'

export const hostWords = fc.record(
  {
    vcpus: fc.integer({ min: 1, max: 8 }),
    ram: fc.integer({ min: 0, max: 4096 }),
    disk: fc.integer({ min: 0, max: 50 }),
    disabled: fc.boolean(),
    state: fc.constantFrom('up' as const, 'up' as const, 'down' as const),
    silent: fc.boolean(),
    maxServers: fc.integer({ min: 0, max: 4 }),
    failedBuilds: fc.integer({ min: 0, max: 2 }),
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
      [aggregate('a', { ssd: 'true', ram_weight_multiplier: '-1' }, 'az1')],
      [aggregate('b', {}, 'az2')],
      // Hosts that differ in their zone alone.
      [aggregate('c', {}, 'az1')],
      [aggregate('c', {}, 'az2')],
      [aggregate('c', {})],
    ),
  },
  { requiredKeys: [] },
)
export const someHosts = fc
  .array(hostWords, { maxLength: 12, size: 'max' })
  .map((list) => list.map((w, i) => host(`h${i}`, w)))
const hosts = fc.subarray(['h0', 'h1', 'h2', 'h3'])
const hint = fc.option(fc.record({ hosts, unresolved: fc.constant([]) }), { nil: undefined })

/** One with wishes of each sort that a filter looks at. */
export const someRequest = fc
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
      ignoreHosts: hosts,
      uid: fc.uuid(),
    },
    { requiredKeys: ['flavor', 'uid'] },
  )
  .map(({ uid, sameHost, differentHost, ...rest }) =>
    request({
      ...rest,
      server: { namespace: 'ns', name: 'web', uid },
      ...(sameHost ? { sameHost } : {}),
      ...(differentHost ? { differentHost } : {}),
    }),
  )

const multiplier = fc.constantFrom(-1, 0, 0.5, 1, 3)
export const someOptions: fc.Arbitrary<SchedulerOptions> = fc
  .record({
    multipliers: fc.record(Object.fromEntries(weigherNames.map((name) => [name, multiplier]))),
    maxAttempts: fc.integer({ min: 1, max: 5 }),
    seed: fc.constantFrom(undefined, 'seed'),
    filters: fc.oneof(fc.constant(filterNames), fc.subarray([...filterNames])),
  })
  .map(({ multipliers, maxAttempts, seed, filters }) => ({
    filters,
    maxAttempts,
    multipliers: multipliers as SchedulerOptions['multipliers'],
    ...(seed === undefined ? {} : { shuffleSeed: seed }),
  }))
