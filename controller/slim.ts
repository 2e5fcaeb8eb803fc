/**
 * Strips objects of fields that the controller does not need, before they are cached. This saves most of the memory.
 * Pure.
 */
import type { Server, ServerAction } from '../crds/index.ts'

/** The annotation in which kubectl stores a copy of the whole object. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** Drops the user data, which can have 64 kB, and the annotation of kubectl, which repeats it. */
export function slimServer(server: Server): Server {
  const { userData: _, userDataBase64: __, ...spec } = server.spec
  const { annotations, ...metadata } = server.metadata
  const { [LAST_APPLIED]: ___, ...keptAnnotations } = annotations ?? {}
  const hasAnnotations = Object.keys(keptAnnotations).length > 0
  return { ...server, metadata: { ...metadata, ...(hasAnnotations ? { annotations: keptAnnotations } : {}) }, spec }
}

const finishedPhases = new Set(['Succeeded', 'Failed', 'Rejected'])

/** Keeps only the owner, phase and finish time of a finished ServerAction. Each server may have 50 of them. */
export function slimAction(action: ServerAction): ServerAction {
  const { apiVersion, kind, metadata, spec, status } = action
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

/** A copy of the object with those of these fields that it has. */
function pickFields<T extends object>(object: T, fields: readonly (keyof T)[]): T {
  const present = fields.filter((field) => object[field] !== undefined)
  return Object.fromEntries(present.map((field) => [field, object[field]])) as T
}
