/**
 * AggregateInstanceExtraSpecsFilter: for every extra spec `aggregate_instance_extra_specs:<key>` of the flavor, one of
 * the host's aggregates must have metadata with this key and a value that meets the requirement. Unlike in Nova, extra
 * specs without this prefix are ignored, so that ComputeCapabilitiesFilter can be used too.
 */
import { parseRequirement } from '../extra-spec-requirement.ts'
import type { Filter } from '../filter.ts'
import type { HostClass } from '../host-view.ts'

const SCOPE = 'aggregate_instance_extra_specs:'

export const aggregateInstanceExtraSpecsFilter: Filter = {
  name: 'AggregateInstanceExtraSpecsFilter',
  scope: 'class',
  prepare({ flavor }) {
    const required = Object.entries(flavor.extraSpecs ?? {}).flatMap(([name, text]) =>
      name.startsWith(SCOPE) ? [{ key: name.slice(SCOPE.length), text, isMetBy: parseRequirement(text) }] : [],
    )
    if (required.length === 0) return undefined
    const findUnmet = (host: HostClass) =>
      required.find(({ key, isMetBy }) => host.metadata.get(key)?.some(isMetBy) !== true)
    return {
      passes: (host) => findUnmet(host) === undefined,
      reject(host) {
        const { key, text } = findUnmet(host) ?? { key: '', text: '' }
        const values = host.metadata.get(key)
        return {
          summary: "in no aggregate with the flavor's metadata",
          detail: `need ${key} ${text}, ${values === undefined ? 'has none' : `has ${values.join(', ')}`}`,
        }
      },
    }
  },
}
