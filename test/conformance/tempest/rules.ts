/** Finds the reason why a test of tempest does not pass, by its name and its message. */
import { byMessage, byTest, type Rule } from '../stestr/reasons.ts'

const UNSUPPORTED = /The requested functionality is not supported/

/** The first rule that matches counts. */
export const tempestRules: readonly Rule[] = [
  byMessage('volumes', /Cinder is not available|volume service is not available|Volume service not enabled/i),
  byMessage('volumes', /microversion range\[3\.\d+ - latest\] of this test is out of .* range\[None - None\]/),
  byMessage('resize', /Resize not available/),
  byMessage('coldMigration', /Cold migration not available/),
  byMessage('liveMigration', /live-migration is not available|Live migration is not enabled/),
  byMessage('shelving', /Shelve is not available/),
  byMessage('snapshots', /[Ss]napshotting (is )?not (available|supported)/),
  byMessage('floatingIps', /Floating ips are not available|public_network_id option must be specified/),
  byMessage('interfaces', /Interface attachment is not available/),
  byMessage('consoles', /(VNC|SPICE|Serial) [Cc]onsole feature is disabled/),
  byMessage('sharedNetwork', /Found shared networks/),
  byMessage('stableRescue', /Stable rescue not available/),
  byMessage('certificates', /certified_image_ref/),
  byMessage('login', /Instance validation tests are disabled|Validation must be enabled|FQDN hostname sanitization/),
  byMessage('serverGroups', /ServerGroup(Anti)?AffinityFilter is not available/),
  byMessage('tempest', /Skipped until bug|^Neutron (allows|does not)|nova-network is not available/),
  byTest('shelving', /UnshelveToHost/, UNSUPPORTED),
  byTest('resetState', /in_error_state|filter_by_error_status|test_reset_state_server/, UNSUPPORTED),
  byTest('rebuild', /rebuild/, UNSUPPORTED),
  byTest('quotas', /test_create_server_when_(cpu|instances|memory)_quota_is_full/, /MismatchError/),
  byMessage('serverGroups', /os_compute_api:os-server-groups:create/),
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
