/**
 * AggregateInstanceExtraSpecsFilter: every `aggregate_instance_extra_specs:<key>` of the flavor is met by a value that the metadata of
 * one of the host's aggregates has for that key. Keys without a scope are not looked at (Nova does, which makes this filter and
 * ComputeCapabilitiesFilter exclude one another; ours are both on).
 */
import { requirement } from '../extra-spec-match.ts'
import type { Filter } from '../filter.ts'
import type { HostKind } from '../host-view.ts'

const SCOPE = 'aggregate_instance_extra_specs:'

export const aggregateInstanceExtraSpecsFilter: Filter = {
  name: 'AggregateInstanceExtraSpecsFilter',
  sees: 'kind',
  prepare({ flavor }) {
    const wanted = Object.entries(flavor.extraSpecs ?? {}).flatMap(([name, text]) =>
      name.startsWith(SCOPE) ? [{ key: name.slice(SCOPE.length), text, meets: requirement(text) }] : [],
    )
    if (wanted.length === 0) return undefined
    const unmet = (host: HostKind) => wanted.find(({ key, meets }) => host.metadata.get(key)?.some(meets) !== true)
    return {
      passes: (host) => unmet(host) === undefined,
      refusal(host) {
        const { key, text } = unmet(host) ?? { key: '', text: '' }
        const has = host.metadata.get(key)
        return {
          what: "in no aggregate with the flavor's metadata",
          detail: `need ${key} ${text}, ${has === undefined ? 'has none' : `has ${has.join(', ')}`}`,
        }
      },
    }
  },
}
