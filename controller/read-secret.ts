/** Reads a Secret that an object names. The controller never lists or watches Secrets. */
import { OWNERS_ONLY_LABEL, Refused, type Server } from '../crds/index.ts'
import type { Secret } from '../kube/builtin-kinds.ts'
import { ignoreNotFound, isForbidden } from '../kube/errors.ts'
import type { Resource } from '../kube/resource.ts'
import type { Ref } from '../kube/types.ts'

export type SecretReader = Pick<Resource<Secret>, 'get'>

/**
 * Reads the Secret; undefined if it does not exist.
 * @param next the end of the error message if the controller lacks the right, for example 'then request again'
 * @throws Refused error SecretForbidden (its message is shown to the user) if the controller lacks the right to read
 * the Secret
 */
export async function readSecret(ref: Ref, secrets: SecretReader, next: string): Promise<Secret | undefined> {
  try {
    return await ignoreNotFound(secrets.get(ref))
  } catch (error) {
    if (!isForbidden(error)) throw error
    const message = `the controller may not read Secret ${ref.name}: apply its ClusterRole and its binding (crds/access/controller.yaml) again, ${next}`
    throw new Refused('SecretForbidden', message, { cause: error })
  }
}

/**
 * Whether the Secret is for other servers. If the controller used such a Secret, a user who may create Servers but not
 * read Secrets could have the Secret of another server given to a guest of their own.
 */
export function belongsToOthers({ metadata }: Secret, server: Pick<Server, 'metadata'>): boolean {
  const owners = (metadata.ownerReferences ?? []).filter(({ kind }) => kind === 'Server')
  const isOwned = owners.length > 0 || metadata.labels?.[OWNERS_ONLY_LABEL] !== undefined
  return isOwned && !owners.some(({ uid }) => uid === server.metadata.uid)
}
