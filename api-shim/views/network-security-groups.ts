/**
 * Renders the one security group that each project has. It says what is true of all servers: traffic is not filtered,
 * except that a server can send only from its own addresses. Pure.
 */
import type { Project } from '../identity/caller.ts'
import { uuidFrom } from '../state/derived-uuid.ts'
import { defaultGroupIdOf } from './security-groups.ts'

/** Placeholders: the group exists as long as its project, so no time of its creation is known. */
const times = { created_at: '1970-01-01T00:00:00Z', updated_at: '1970-01-01T00:00:00Z', revision_number: 1 }

const directions = ['egress', 'ingress'] as const
const families = ['IPv4', 'IPv6'] as const

/** Everything may come in and go out. */
export function renderRules({ id }: Project): object[] {
  return directions.flatMap((direction) =>
    families.map((ethertype) => ({
      id: uuidFrom(`security group rule ${id} ${direction} ${ethertype}`),
      security_group_id: defaultGroupIdOf(id),
      project_id: id,
      tenant_id: id,
      direction,
      ethertype,
      protocol: null,
      port_range_min: null,
      port_range_max: null,
      remote_ip_prefix: null,
      remote_group_id: null,
      remote_address_group_id: null,
      normalized_cidr: ethertype === 'IPv4' ? '0.0.0.0/0' : '::/0',
      belongs_to_default_sg: true,
      description: '',
      ...times,
    })),
  )
}

export const renderGroup = (project: Project): object => ({
  id: defaultGroupIdOf(project.id),
  name: 'default',
  description: 'Default security group',
  project_id: project.id,
  tenant_id: project.id,
  stateful: true,
  shared: false,
  tags: [],
  security_group_rules: renderRules(project),
  ...times,
})
