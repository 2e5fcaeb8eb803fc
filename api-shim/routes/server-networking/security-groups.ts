import { newBadRequest, newNotFound } from '../../http/fault.ts'
import { noParameters } from '../../validation/parameters.ts'
import { objectSchema, stringSchema, type TypeOf } from '../../validation/schema.ts'
import { isDefaultGroup, renderDefaultGroup } from '../../views/security-groups.ts'
import { hasAddresses } from '../../views/servers.ts'
import { defineRoute, type Route } from '../route.ts'
import { findServer } from '../servers/find.ts'

export const serverSecurityGroups = defineRoute<null>({
  name: 'server-security-groups:list',
  method: 'GET',
  path: '/servers/{server_id}/os-security-groups',
  success: 200,
  policy: { rule: 'os_compute_api:os-security-groups:list', role: 'reader', inHandler: true },
  query: noParameters,
  async handle(request) {
    const server = await findServer(request)
    request.authorize()
    const { id } = request.state.shared.projectOf(server.metadata.namespace ?? '')
    // Neutron gives groups to ports, so a server without ports has none.
    return { body: { security_groups: hasAddresses(server) ? [renderDefaultGroup(id)] : [] } }
  },
})

const groupAction = (key: 'addSecurityGroup' | 'removeSecurityGroup', operation: 'add' | 'remove'): Route => {
  const body = objectSchema(
    { [key]: objectSchema({ name: stringSchema({ minLength: 1 }) }, { required: ['name'] }) },
    { required: [key] },
  )
  return defineRoute<TypeOf<typeof body>>({
    name: `servers:${key}`,
    method: 'POST',
    path: '/servers/{server_id}/action',
    action: key,
    success: 202,
    policy: { rule: `os_compute_api:os-security-groups:${operation}`, role: 'member', inHandler: true },
    body: { '2.1': body },
    async handle(request) {
      const server = await findServer(request)
      request.authorize()
      const name = request.body[key]?.name ?? ''
      const { id } = request.state.shared.projectOf(server.metadata.namespace ?? '')
      if (!isDefaultGroup(name, id)) throw newNotFound(`Security group ${name} is not found for project ${id}`)
      // Every server has this group already, and it cannot be removed.
      if (operation === 'add') return {}
      throw newBadRequest(`Security group ${name} cannot be removed from instance ${request.params['server_id']}.`)
    },
  })
}

export const securityGroupActions: readonly Route[] = [
  groupAction('addSecurityGroup', 'add'),
  groupAction('removeSecurityGroup', 'remove'),
]
