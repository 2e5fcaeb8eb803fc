/** As in Nova, any extra spec is accepted; the Flavor's status lists those that have no effect. */

import { requirableExtraSpecs } from '../scheduler/unmet-requirements.ts'
import { isSatisfiedAnyway } from './image-properties.ts'

/** Matches the extra specs that a scheduler filter or the agent's domain builder (agent/domain) reads. */
const EFFECTIVE =
  /^((aggregate_instance_extra_specs|capabilities|trait\d*|resources\d*):.+|hw_rng:(allowed|rate_bytes|rate_period)|hw:(hide_hypervisor_id|watchdog_action|cpu_(max_)?(sockets|cores|threads)))$/

/**
 * The extra specs that have no effect, in alphabetical order. Not listed: names without a scope, which administrators
 * use for themselves, and extra specs that ask for what every guest gets.
 */
export const ineffectiveExtraSpecs = (extraSpecs: Readonly<Record<string, string>> = {}): string[] =>
  Object.keys(extraSpecs)
    .filter((name) => name.includes(':') && !EFFECTIVE.test(name) && !requirableExtraSpecs.has(name))
    .filter((name) => !isSatisfiedAnyway(name, extraSpecs[name] ?? ''))
    .sort()
