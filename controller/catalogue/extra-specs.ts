/**
 * Which extra specs of a flavor have an effect. As in Nova, any extra spec is accepted; the flavor's status names those
 * without effect.
 */

/** Extra specs that the scheduler's filters or the builder of domains (agent/domain) read. */
const EFFECTIVE =
  /^((aggregate_instance_extra_specs|capabilities|trait\d*|resources\d*):.+|hw_rng:(allowed|rate_bytes|rate_period)|hw:(hide_hypervisor_id|watchdog_action))$/

/**
 * Extra specs with a scope that nothing reads, in alphabetical order. Names without a scope are the operator's own and
 * are left out.
 */
export const ineffectiveExtraSpecs = (extraSpecs: Readonly<Record<string, string>> = {}): string[] =>
  Object.keys(extraSpecs)
    .filter((name) => name.includes(':') && !EFFECTIVE.test(name))
    .sort()
