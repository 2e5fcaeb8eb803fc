/** Parts that are broken on purpose, to see that the checks find it. */
import type { Kube } from '../../kube/client.ts'
import type { Process } from './process.ts'

export interface Sabotage {
  /** The client of a process, spoilt. */
  kube?(kube: Kube, process: Process): Kube
}
