/** The routes of servers and their actions. */
import type { Route } from '../route.ts'
import { registryActionRoutes } from './actions.ts'
import { serversCreate } from './create.ts'
import { serversDelete } from './delete.ts'
import { serversDetail, serversList } from './list.ts'
import { serversLock, serversUnlock } from './lock.ts'
import { networkActions } from './network-actions.ts'
import { serversShow } from './show.ts'
import { unsupportedActions } from './unsupported-actions.ts'
import { serversUpdate } from './update.ts'

export const serverRoutes: readonly Route[] = [
  serversList,
  serversDetail,
  serversCreate,
  serversShow,
  serversUpdate,
  serversDelete,
  ...registryActionRoutes,
  serversLock,
  serversUnlock,
  ...networkActions,
  ...unsupportedActions,
]
