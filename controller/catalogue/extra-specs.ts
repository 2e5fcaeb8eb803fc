/** Which extra specs of a flavor change anything here. Nova takes any; what is taken and ignored is to be said. Pure. */

/** By the filters of the scheduler, and by what builds domains (agent/domain). */
const effective =
  /^((aggregate_instance_extra_specs|capabilities|trait\d*|resources\d*):.+|hw_rng:(allowed|rate_bytes|rate_period)|hw:(hide_hypervisor_id|watchdog_action))$/

/** Names with a scope that nothing here looks at; those without are the operator's own words. */
export const withoutEffect = (extraSpecs: Readonly<Record<string, string>> = {}): string[] =>
  Object.keys(extraSpecs)
    .filter((name) => name.includes(':') && !effective.test(name))
    .sort()
