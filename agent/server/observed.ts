/** What the host reports about a server's domain, in the few words that planning needs. */
import type { DomainPower } from '../../crds/index.ts'

export interface Observed {
  power: DomainPower
  /** libvirt's reason of the state, by name: booted, shutdown, destroyed, crashed, … */
  reason?: string
  /** Boot ID of the running domain: see Domains.runningBootId. */
  bootId?: string
}
