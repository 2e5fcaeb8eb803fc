// Writes that are held back. A leader that was frozen for longer than its lease (SIGSTOP, a paused or migrated machine) goes on in the middle of
// things and believes that it leads; others have led since. A lease alone does not stop what it was about to write.
import type { Kube } from './client.ts'
import { FencedWriteError } from './errors.ts'
import type { Resource } from './resource.ts'
import type { KubeObject, ResourceDef, WriteCallOptions } from './types.ts'

/**
 * The same client, which sends no write while `may` says no: asked before each sending, repetitions included. Reads and watches go through.
 * Writes that are held back reject with NotWritten.
 */
export function fenceWrites(kube: Kube, may: () => boolean): Kube {
  const mayWrite = (): void => {
    if (!may())
      throw new FencedWriteError('not written: this process does not lead, or does not know that it still does')
  }
  return {
    ...kube,
    resource: <T extends KubeObject>(def: ResourceDef) => fenceResource(kube.resource<T>(def), mayWrite),
    as: (person) => fenceWrites(kube.as(person), may),
    withToken: (token) => fenceWrites(kube.withToken(token), may),
    async post(path, body, options) {
      mayWrite()
      return kube.post(path, body, options)
    },
  }
}

function fenceResource<T extends KubeObject>(handle: Resource<T>, mayWrite: () => void): Resource<T> {
  const call =
    <O extends WriteCallOptions, A, R>(write: (what: A, options?: O) => Promise<R>) =>
    async (what: A, options?: O): Promise<R> => {
      mayWrite()
      return write(what, { ...options, mayWrite } as O)
    }
  return {
    ...handle,
    create: call((object, options) => handle.create(object, options)),
    update: call((object, options) => handle.update(object, options)),
    apply: call((object, options) => handle.apply(object, options)),
    applyStatus: call((object, options) => handle.applyStatus(object, options)),
    async patch(ref, patch, options) {
      mayWrite()
      return handle.patch(ref, patch, { ...options, mayWrite })
    },
    delete: call((ref, options) => handle.delete(ref, options)),
  }
}
