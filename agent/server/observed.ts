/** The observed state of a Server's domain, as planning and status use it. */
export type { ObservedDomain as Observed } from '../../actions/host/index.ts'
