/** The observed state of a Server's domain. */
export type { ObservedDomain as Observed } from '../../actions/host/index.ts'
