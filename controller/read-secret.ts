/** Reads a Secret that an object names. The controller never lists or watches Secrets. */
import { Refused } from '../crds/index.ts'
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
