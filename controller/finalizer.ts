import { GROUP, type ObjectMeta } from '../crds/index.ts'
import { isConflict, isNotFound } from '../kube/errors.ts'
import type { Resource } from '../kube/resource.ts'
import type { KubeObject } from '../kube/types.ts'

/** Keeps a deleted Network until its last Port is gone, and a deleted Port until no Server uses it. */
export const IN_USE = `${GROUP}/in-use`

export const hasFinalizer = ({ finalizers = [] }: ObjectMeta, finalizer: string): boolean =>
  finalizers.includes(finalizer)

/** Ignores a conflict, because the event of the other change requeues the object. */
export async function addFinalizer<T extends KubeObject>(
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

/** @throws the conflict (ApiError) if the object has changed since it was read */
export async function removeFinalizer<T extends KubeObject>(
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
