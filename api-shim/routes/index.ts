/** All routes of the shim. A route is added here and nowhere else. */
import { flavorsDetail, flavorsList } from './flavors/list.ts'
import { flavorsShow } from './flavors/show.ts'
import { identityRoutes } from './identity/index.ts'
import { removedRoutes } from './removed.ts'
import type { Route } from './route.ts'

export const allRoutes: readonly Route[] = [
  flavorsList,
  flavorsDetail,
  flavorsShow,
  ...identityRoutes,
  ...removedRoutes,
]
