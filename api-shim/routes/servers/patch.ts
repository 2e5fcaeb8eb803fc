import type { Server } from '../../../crds/index.ts'
import { keyOf } from '../../../kube/types.ts'
import { Fault } from '../../http/fault.ts'
import { servers } from '../../state/stores.ts'
import type { RouteRequest } from '../route.ts'

const MAX_ATTEMPTS = 5

/**
 * Writes the spec that `change` makes of the newest server. After a conflict it waits for the cache and tries again, at
 * most five times.
 */
export async function patchServer(
  server: Server,
  change: (server: Server) => object,
  { state }: Pick<RouteRequest, 'state'>,
): Promise<Server> {
  let newest = server
  for (let attempt = 1; ; attempt++) {
    const { resourceVersion } = newest.metadata
    try {
      return await state.write(servers).patch(newest.metadata, { metadata: { resourceVersion }, spec: change(newest) })
    } catch (error) {
      if (!(error instanceof Fault) || error.status !== 409 || attempt === MAX_ATTEMPTS) throw error
      const changed = await state.shared
        .waiterOf(servers)
        ?.waitFor(keyOf(newest.metadata), (cached) => cached?.metadata.resourceVersion !== resourceVersion)
      if (!changed) throw error
      newest = changed
    }
  }
}
