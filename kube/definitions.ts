import { type CustomResourceDefinition, customResourceDefinitions } from './builtin-kinds.ts'
import type { Kube } from './client.ts'
import { ignoreNotFound, isForbidden } from './errors.ts'
import type { Log } from './log.ts'
import { retryUntilAvailable } from './retry-until-available.ts'

/**
 * Returns a function that reads a CustomResourceDefinition, and waits for the API server. It returns undefined if the
 * definition does not exist, and `forbidden` if this process may not read it.
 */
export const definitionReader =
  (kube: Kube, log: Log, signal: AbortSignal) =>
  (name: string): Promise<CustomResourceDefinition | 'forbidden' | undefined> => {
    const get = (): Promise<CustomResourceDefinition | undefined> =>
      ignoreNotFound(kube.resource(customResourceDefinitions).get({ name }, { signal }))
    const read = () =>
      get().catch((err: unknown) => {
        if (!isForbidden(err)) throw err
        log.warn({ err }, 'this process may not read a CustomResourceDefinition, so its version is not checked')
        return 'forbidden' as const
      })
    return retryUntilAvailable(read, { clock: kube.clock, log, signal })
  }
