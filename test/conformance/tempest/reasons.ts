/** Why tests of tempest do not pass. A test that does not pass and that no rule here explains fails the run. */

/** The function that a test waits for, or why the test cannot run on this stand. */
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
} as const

export type Reason = keyof typeof reasons

interface Rule {
  reason: Reason
  /** Matches the name of the test; default: every test. */
  test?: RegExp
  /** Matches the message with which it was skipped or failed. */
  message: RegExp
}

const bySkipMessage = (reason: Reason, message: RegExp): Rule => ({ reason, message })
const byTest = (reason: Reason, test: RegExp, message: RegExp): Rule => ({ reason, test, message })
const UNSUPPORTED = /The requested functionality is not supported/

/** The first rule that matches counts. */
export const rules: readonly Rule[] = [
  bySkipMessage('volumes', /Cinder is not available|volume service is not available|Volume service not enabled/i),
  bySkipMessage('volumes', /microversion range\[3\.\d+ - latest\] of this test is out of .* range\[None - None\]/),
  bySkipMessage('resize', /Resize not available/),
  bySkipMessage('coldMigration', /Cold migration not available/),
  bySkipMessage('liveMigration', /live-migration is not available|Live migration is not enabled/),
  bySkipMessage('shelving', /Shelve is not available/),
  bySkipMessage('snapshots', /[Ss]napshotting (is )?not (available|supported)/),
  bySkipMessage('floatingIps', /Floating ips are not available|public_network_id option must be specified/),
  bySkipMessage('interfaces', /Interface attachment is not available/),
  bySkipMessage('consoles', /(VNC|SPICE|Serial) [Cc]onsole feature is disabled/),
  bySkipMessage('sharedNetwork', /Found shared networks/),
  bySkipMessage('stableRescue', /Stable rescue not available/),
  bySkipMessage('certificates', /certified_image_ref/),
  bySkipMessage(
    'login',
    /Instance validation tests are disabled|Validation must be enabled|FQDN hostname sanitization/,
  ),
  bySkipMessage('serverGroups', /ServerGroup(Anti)?AffinityFilter is not available/),
  bySkipMessage('tempest', /Skipped until bug|^Neutron (allows|does not)|nova-network is not available/),
  byTest('shelving', /UnshelveToHost/, UNSUPPORTED),
  byTest('resetState', /in_error_state|filter_by_error_status|test_reset_state_server/, UNSUPPORTED),
  byTest('rebuild', /rebuild/, UNSUPPORTED),
  byTest('quotas', /test_create_server_when_(cpu|instances|memory)_quota_is_full/, /MismatchError/),
  bySkipMessage('serverGroups', /os_compute_api:os-server-groups:create/),
  byTest(
    'securityGroups',
    /\.compute\.security_groups\.|SecurityGroupsTestAdminJSON|add_remove_security_group/,
    /'code': 404, 'message': 'The resource could not be found\.'/,
  ),
  byTest(
    'securityGroups',
    /remove_server_all_security_groups/,
    /'code': 400, 'message': 'Security group default cannot be removed from instance/,
  ),
]
