/** Why tests do not pass. A test that does not pass and that no rule of its suite explains fails the run. */

/** The function that a test waits for, or why the test cannot run. */
export const reasons = {
  resize: 'resize',
  coldMigration: 'cold migration',
  liveMigration: 'live migration',
  shelving: 'shelving',
  snapshots: 'snapshots of servers as images',
  rebuild: 'rebuild',
  resetState: 'a ServerAction that resets the state',
  volumes: 'volumes',
  floatingIps: 'floating IPs',
  securityGroups: 'security groups',
  serverGroups: 'server groups',
  quotas: 'enforcement of quotas',
  interfaces: 'hot-plug of interfaces',
  consoles: 'a console proxy',
  stableRescue: 'rescue with the own disks kept in place',
  certificates: 'signed images',
  sharedNetwork: 'nothing: the test needs a cloud without a shared network',
  login: 'nothing: tempest would log in to the guest, and the guests of this stand are simulated',
  tempest: 'nothing: tempest skips it on every cloud of this kind',
  disabled: 'nothing: its authors have disabled it',
  oneHost: 'nothing: it expects a Nova whose conductor runs on the host of the servers',
} as const

export type Reason = keyof typeof reasons

export interface Rule {
  reason: Reason
  /** Matches the name of the test; default: every test. */
  test?: RegExp
  /** Matches the message with which it was skipped or failed. */
  message: RegExp
}

export const byMessage = (reason: Reason, message: RegExp): Rule => ({ reason, message })
export const byTest = (reason: Reason, test: RegExp, message: RegExp): Rule => ({ reason, test, message })
