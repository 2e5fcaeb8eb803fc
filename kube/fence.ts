// Fencing: before each write, the process checks by its own clock that it still leads. A leader that was frozen for
// longer than its lease (SIGSTOP, a paused or migrated machine) would otherwise still send its next write, because the
// API server does not compare writes with the lease.
import type { Kube } from './client.ts'
import { FencedWriteError } from './errors.ts'
import type { Resource } from './resource.ts'
import type { KubeObject, ResourceDef, WriteCallOptions } from './types.ts'

/**
 * The client calls `isLeader` right before it sends a write, and before each retry. If it returns false, the write
 * rejects with FencedWriteError. Reads and watches are not affected.
 */
export function fenceWrites(kube: Kube, isLeader: () => boolean): Kube {
  const mayWrite = (): void => {
    if (isLeader()) return
    throw new FencedWriteError('not written: this process does not lead, or does not know that it still does')
  }
  return {
    ...kube,
    resource: <T extends KubeObject>(def: ResourceDef) => fenceResource(kube.resource<T>(def), mayWrite),
    as: (impersonated) => fenceWrites(kube.as(impersonated), isLeader),
  }
}

function fenceResource<T extends KubeObject>(resource: Resource<T>, mayWrite: () => void): Resource<T> {
  const fence =
    <O extends WriteCallOptions, A, R>(write: (argument: A, options?: O) => Promise<R>) =>
    async (argument: A, options?: O): Promise<R> => {
      mayWrite()
      return write(argument, { ...options, mayWrite } as O)
    }
  return {
    ...resource,
    create: fence((object, options) => resource.create(object, options)),
    update: fence((object, options) => resource.update(object, options)),
    apply: fence((object, options) => resource.apply(object, options)),
    applyStatus: fence((object, options) => resource.applyStatus(object, options)),
    async patch(ref, patch, options) {
      mayWrite()
      return resource.patch(ref, patch, { ...options, mayWrite })
    },
    delete: fence((ref, options) => resource.delete(ref, options)),
  }
}
