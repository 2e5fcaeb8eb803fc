/** Finds the reason why a test of openstacksdk or python-openstackclient does not pass, by its name and its message. */
import { byMessage, byTest, type Rule } from '../stestr/reasons.ts'

/** The first rule that matches counts. */
export const functionalRules: readonly Rule[] = [
  byMessage('disabled', /temporarily disabled/),
  byMessage('volumes', /\/volume\/v3\/|volumes are not supported/),
  byMessage('serverGroups', /os_compute_api:os-server-groups:create/),
  byMessage('securityGroups', /Each project has one security group/),
  byMessage('floatingIps', /\/v2\.0\/floatingips/),
  byMessage('interfaces', /Attaching interfaces is not supported/),
  byMessage('consoles', /Unavailable console type/),
  byTest('snapshots', /test_create_image_snapshot/, /501: .* The requested functionality is not supported/),
  byTest('oneHost', /test_aggregate_add_and_remove_host/, /is not mapped to any cell/),
]
