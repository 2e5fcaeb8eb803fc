/** A guest would post its encrypted password to a metadata service. There is none, so no server has a password. */
import { noParameters } from '../../validation/parameters.ts'
import { defineRoute } from '../route.ts'
import { findServer } from '../servers/find.ts'

const path = '/servers/{server_id}/os-server-password'

export const serverPasswordShow = defineRoute<null>({
  name: 'server-password:show',
  method: 'GET',
  path,
  success: 200,
  policy: { rule: 'os_compute_api:os-server-password:show', role: 'reader', inHandler: true },
  query: noParameters,
  async handle(request) {
    await findServer(request)
    request.authorize()
    return { body: { password: '' } }
  },
})

export const serverPasswordClear = defineRoute<null>({
  name: 'server-password:clear',
  method: 'DELETE',
  path,
  success: 204,
  policy: { rule: 'os_compute_api:os-server-password:clear', role: 'member', inHandler: true },
  async handle(request) {
    await findServer(request)
    request.authorize()
    return {}
  },
})
