/** What the host says of a server's domain, in the few words that planning needs. */

/**
 * off: shut off, nothing saved. saved: shut off with a managed save. pmsuspended: the guest put itself to sleep (S3).
 * missing: no such domain.
 */
export type DomainPower = 'running' | 'paused' | 'off' | 'saved' | 'crashed' | 'pmsuspended' | 'missing'

export interface Observed {
  power: DomainPower
  /** libvirt's reason of the state, by name: booted, shutdown, destroyed, crashed, … */
  reason?: string
  /** Boot ID of the running domain: see Domains.runningBootId. */
  bootId?: string
}
