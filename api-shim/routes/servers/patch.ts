import type { Server } from '../../../crds/index.ts'
import { patchNewest } from '../../state/patch-newest.ts'
import { servers } from '../../state/stores.ts'
import type { RouteRequest } from '../route.ts'

/** Writes the spec that `change` makes of the newest server. */
export const patchServer = (
  server: Server,
  change: (server: Server) => object,
  request: Pick<RouteRequest, 'state'>,
): Promise<Server> => patchNewest(servers, server, (newest) => ({ spec: change(newest) }), request)
