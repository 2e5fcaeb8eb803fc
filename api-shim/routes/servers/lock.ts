/** The actions lock and unlock. */

import { policyForbids } from '../../http/fault.ts'
import { isAdmin } from '../../identity/caller.ts'
import { annotationWith } from '../../state/recent-requests.ts'
import { annotationsFor, factsOf } from '../../state/server-facts.ts'
import { servers } from '../../state/stores.ts'
import { objectSchema, schemaFrom } from '../../validation/schema.ts'
import { defineRoute } from '../route.ts'
import { findServer } from './find.ts'

interface LockBody {
  lock: { locked_reason?: string } | null
}

const reason = schemaFrom<LockBody['lock']>({
  type: ['object', 'null'],
  properties: { locked_reason: { type: 'string', minLength: 1, maxLength: 255 } },
  additionalProperties: false,
})

export const serversLock = defineRoute<LockBody>({
  name: 'servers:lock',
  method: 'POST',
  path: '/servers/{server_id}/action',
  action: 'lock',
  success: 202,
  policy: { rule: 'os_compute_api:os-lock-server:lock', role: 'member', inHandler: true },
  body: {
    '2.1': objectSchema({ lock: schemaFrom({}) }, { required: ['lock'] }),
    '2.73': objectSchema({ lock: reason }, { required: ['lock'] }),
  },
  async handle(request) {
    const server = await findServer(request)
    request.authorize()
    const annotations = {
      ...annotationsFor({ lockedBy: isAdmin(request.caller) ? 'admin' : 'owner' }),
      ...annotationWith(server, 'lock', request),
    }
    const lockedReason = request.version >= 73 ? (request.body.lock?.locked_reason ?? null) : null
    await request.state
      .write(servers)
      .patch(server.metadata, { metadata: { annotations }, spec: { locked: true, lockedReason } })
    return {}
  },
})

export const serversUnlock = defineRoute<{ unlock: unknown }>({
  name: 'servers:unlock',
  method: 'POST',
  path: '/servers/{server_id}/action',
  action: 'unlock',
  success: 202,
  policy: { rule: 'os_compute_api:os-lock-server:unlock', role: 'member', inHandler: true },
  body: { '2.1': objectSchema({ unlock: schemaFrom({}) }, { required: ['unlock'] }), '2.73': schemaFrom({}) },
  async handle(request) {
    const server = await findServer(request)
    request.authorize()
    if (factsOf(server).lockedBy === 'admin' && !isAdmin(request.caller))
      throw policyForbids('os_compute_api:os-lock-server:unlock:unlock_override')
    const annotations = { ...annotationsFor<null>({ lockedBy: null }), ...annotationWith(server, 'unlock', request) }
    await request.state
      .write(servers)
      .patch(server.metadata, { metadata: { annotations }, spec: { locked: false, lockedReason: null } })
    return {}
  },
})
