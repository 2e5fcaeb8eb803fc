/** What the controller does not keep of objects in its caches: with many servers it would be most of its memory. Pure. */
import type { Server, ServerAction } from '../crds/index.ts'

/** kubectl's copy of the whole object in itself. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** Without what is for the guest alone: up to 64 kB of user data, and that once more in kubectl's annotation. */
export function slimServer(server: Server): Server {
  const { userData: _, userDataBase64: __, ...spec } = server.spec
  const { annotations, ...metadata } = server.metadata
  const { [LAST_APPLIED]: ___, ...kept } = annotations ?? {}
  return { ...server, metadata: { ...metadata, ...(Object.keys(kept).length > 0 ? { annotations: kept } : {}) }, spec }
}

const ended = new Set(['Succeeded', 'Failed', 'Rejected'])

/** Of a record that has ended: whose it is, and when it ended. There are up to 50 of each server. */
export function slimAction(action: ServerAction): ServerAction {
  const { apiVersion, kind, metadata, spec, status } = action
  if (!status?.phase || !ended.has(status.phase)) return action
  return {
    apiVersion,
    kind,
    metadata: only(metadata, identity),
    spec: { server: spec.server, action: spec.action },
    status: only(status, ['phase', 'finishTime']),
  }
}

const identity = [
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'ownerReferences',
] as const

/** With these fields alone, as far as they are there. */
function only<T extends object>(object: T, fields: readonly (keyof T)[]): T {
  return Object.fromEntries(fields.flatMap((f) => (object[f] === undefined ? [] : [[f, object[f]]]))) as T
}
