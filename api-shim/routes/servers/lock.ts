/** The actions lock and unlock. */
import type { Server } from '../../../crds/index.ts'
import { type MergePatch, patchNewest } from '../../state/patch-newest.ts'
import { annotationWith } from '../../state/recent-requests.ts'
import { annotationsFor, factsOf } from '../../state/server-facts.ts'
import { servers } from '../../state/stores.ts'
import { objectSchema, schemaFrom } from '../../validation/schema.ts'
import { defineRoute, type RouteRequest } from '../route.ts'
import { findServer } from './find.ts'

interface LockBody {
  lock: { locked_reason?: string } | null
}

const reason = schemaFrom<LockBody['lock']>({
  type: ['object', 'null'],
  properties: { locked_reason: { type: 'string', minLength: 1, maxLength: 255 } },
  additionalProperties: false,
})

/** Whether the token is for the server's project. As in Nova, such a caller locks as `owner`, whatever the role. */
const isOwner = ({ metadata }: Server, { caller }: Pick<RouteRequest<never>, 'caller'>): boolean =>
  metadata.namespace === caller.project?.namespace

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
    const isByOwner = isOwner(server, request)
    const lockedReason = request.version >= 73 ? (request.body.lock?.locked_reason ?? null) : null
    const lock = (newest: Server): MergePatch => {
      // A second lock by a member of the project would give the lock of an administrator to the project. The empty
      // patch fails if the cache is behind and the server is no longer locked.
      if (newest.spec.locked && isByOwner) return {}
      const annotations = {
        ...annotationsFor({ lockedBy: isByOwner ? 'owner' : 'admin' }),
        ...annotationWith(newest, 'lock', request),
      }
      return { metadata: { annotations }, spec: { locked: true, lockedReason } }
    }
    await patchNewest(servers, server, lock, request)
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
    const unlock = (newest: Server): MergePatch => {
      const { lockedBy } = factsOf(newest)
      if (lockedBy !== undefined && lockedBy !== (isOwner(newest, request) ? 'owner' : 'admin'))
        request.authorize({ rule: 'os_compute_api:os-lock-server:unlock:unlock_override', role: 'admin' })
      const annotations = { ...annotationsFor<null>({ lockedBy: null }), ...annotationWith(newest, 'unlock', request) }
      return { metadata: { annotations }, spec: { locked: false, lockedReason: null } }
    }
    await patchNewest(servers, server, unlock, request)
    return {}
  },
})
