import { type CustomResourceDefinition, customResourceDefinitions } from './builtin-kinds.ts'
import type { Kube } from './client.ts'
import { ignoreNotFound, isForbidden } from './errors.ts'
import type { Log } from './log.ts'
import { retryUntilAvailable } from './retry-until-available.ts'

/** So many 403 may pass: an API server that has just started answers 403 until it has read its roles. */
const MAX_FORBIDDEN = 5

/**
 * Returns a function that reads a CustomResourceDefinition, and waits for the API server. It returns undefined if the
 * definition does not exist, and `forbidden` if this process may still not read it after some tries.
 */
export const definitionReader =
  (kube: Kube, log: Log, signal: AbortSignal) =>
  (name: string): Promise<CustomResourceDefinition | 'forbidden' | undefined> => {
    const get = (): Promise<CustomResourceDefinition | undefined> =>
      ignoreNotFound(kube.resource(customResourceDefinitions).get({ name }, { signal }))
    let forbidden = 0
    const read = () =>
      get().catch((err: unknown) => {
        if (!isForbidden(err) || ++forbidden < MAX_FORBIDDEN) throw err
        log.warn({ err }, 'this process may not read a CustomResourceDefinition, so its version is not checked')
        return 'forbidden' as const
      })
    return retryUntilAvailable(read, { clock: kube.clock, log, signal })
  }
