/** Finalizers: what keeps an object until nobody needs it any more. */
import { GROUP, type ObjectMeta } from '../crds/index.ts'
import { isConflict, isNotFound } from '../kube/errors.ts'
import type { Resource } from '../kube/resource.ts'
import type { KubeObject } from '../kube/types.ts'

/** Held by a Network that ports are on, and by a Port that a server uses: deleted, they stay until the last user has gone. */
export const IN_USE = `${GROUP}/in-use`

export const holds = ({ finalizers = [] }: ObjectMeta, finalizer: string): boolean => finalizers.includes(finalizer)

/** Puts it on. Onto the object as it was read: what somebody else changed meanwhile comes back by its own event. */
export async function hold<T extends KubeObject>(
  api: Resource<T>,
  { name, namespace, uid, resourceVersion, finalizers = [] }: ObjectMeta,
  finalizer: string,
): Promise<void> {
  const patch = { metadata: { uid, resourceVersion, finalizers: [...finalizers, finalizer] } }
  try {
    await api.patch({ name, namespace }, patch)
  } catch (error) {
    if (!isNotFound(error) && !isConflict(error)) throw error
  }
}

/** Takes it off. Throws the conflict where the object is no longer as it was read. */
export async function release<T extends KubeObject>(
  api: Resource<T>,
  { name, namespace, uid, resourceVersion, finalizers = [] }: ObjectMeta,
  finalizer: string,
): Promise<void> {
  const patch = { metadata: { uid, resourceVersion, finalizers: finalizers.filter((f) => f !== finalizer) } }
  try {
    await api.patch({ name, namespace }, patch)
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
