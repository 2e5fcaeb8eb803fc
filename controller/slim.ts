/**
 * Takes out of each object, before it is cached, the fields that the controller does not need. This saves most of the
 * memory.
 */
import type { HostSecret, Server, ServerAction } from '../crds/index.ts'

/** The annotation in which kubectl stores a copy of the whole object. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** Removes the user data, which can be 64 kB, and kubectl's annotation, which contains the user data again. */
export function slimServer(server: Server): Server {
  const { userData: _, userDataBase64: __, ...spec } = server.spec
  const { annotations, ...metadata } = server.metadata
  const { [LAST_APPLIED]: ___, ...keptAnnotations } = annotations ?? {}
  const hasAnnotations = Object.keys(keptAnnotations).length > 0
  return { ...server, metadata: { ...metadata, ...(hasAnnotations ? { annotations: keptAnnotations } : {}) }, spec }
}

/** Removes the encrypted value, which can be 88 kB, and which the controller cannot decrypt. */
export const slimHostSecret = ({ spec, ...rest }: HostSecret): HostSecret => ({
  ...rest,
  spec: { ...spec, sealed: '' },
})

const finishedPhases = new Set(['Succeeded', 'Failed', 'Rejected'])

/**
 * Removes most fields of a finished ServerAction: only its server, action, owners, phase and finish time are needed.
 * Each server may have 50 such actions.
 */
export function slimAction(action: ServerAction): ServerAction {
  const { apiVersion, kind, metadata, spec, status } = action
  if (status?.deletedServer) {
    const { uid, uuid } = status.deletedServer
    return { ...action, status: { ...status, deletedServer: { uid, uuid, server: {} } } }
  }
  if (!status?.phase || !finishedPhases.has(status.phase)) return action
  return {
    apiVersion,
    kind,
    metadata: pickFields(metadata, keptMetadata),
    spec: { server: spec.server, action: spec.action },
    status: pickFields(status, ['phase', 'finishTime']),
  }
}

const keptMetadata = [
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'ownerReferences',
] as const

/** A named field whose value is undefined is left out. */
function pickFields<T extends object>(object: T, fields: readonly (keyof T)[]): T {
  const present = fields.filter((field) => object[field] !== undefined)
  return Object.fromEntries(present.map((field) => [field, object[field]])) as T
}
