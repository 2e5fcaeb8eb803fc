/** Adds and removes finalizers, which keep an object until no other object needs it. */
import { GROUP, type ObjectMeta } from '../crds/index.ts'
import { isConflict, isNotFound } from '../kube/errors.ts'
import type { Resource } from '../kube/resource.ts'
import type { KubeObject } from '../kube/types.ts'

/**
 * The finalizer of a Network with Ports and of a Port that a Server uses: when deleted, they stay until the last user
 * is gone.
 */
export const IN_USE = `${GROUP}/in-use`

export const hasFinalizer = ({ finalizers = [] }: ObjectMeta, finalizer: string): boolean =>
  finalizers.includes(finalizer)

/** Ignores a conflict: the change that caused it brings the object back to its reconciler. */
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

/** @throws the conflict if the object has changed since it was read */
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
