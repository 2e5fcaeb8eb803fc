import { uuidFrom } from '../state/derived-uuid.ts'

export const defaultGroupIdOf = (projectId: string): string => uuidFrom(`security group default of ${projectId}`)

/** Whether the text names the only security group of the project. */
export const isDefaultGroup = (nameOrId: string, projectId: string): boolean =>
  nameOrId === 'default' || nameOrId === defaultGroupIdOf(projectId)

/** Servers may be reached from everywhere within the project, and may reach everything. */
export function renderDefaultGroup(projectId: string): object {
  const id = defaultGroupIdOf(projectId)
  const rule = (family: string, direction: string): object => ({
    id: uuidFrom(`${id} ${direction} ${family}`),
    parent_group_id: id,
    ip_protocol: null,
    from_port: null,
    to_port: null,
    group: direction === 'ingress' ? { name: 'default', tenant_id: projectId } : {},
    ip_range: {},
  })
  return {
    id,
    name: 'default',
    description: 'Default security group',
    tenant_id: projectId,
    rules: [rule('IPv4', 'ingress'), rule('IPv6', 'ingress')],
  }
}
