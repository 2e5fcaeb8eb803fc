/** All routes of the shim. A route is added here and nowhere else. */
import { flavorsDetail, flavorsList } from './flavors/list.ts'
import { flavorsShow } from './flavors/show.ts'
import { identityRoutes } from './identity/index.ts'
import { imagesList, imagesShow } from './images/images.ts'
import { instanceActionsList, instanceActionsShow } from './instance-actions/list.ts'
import { keypairsList, keypairsShow } from './keypairs/keypairs.ts'
import { networkRoutes } from './networks/networks.ts'
import { removedRoutes } from './removed.ts'
import type { Route } from './route.ts'
import { serverRoutes } from './servers/index.ts'

export const allRoutes: readonly Route[] = [
  ...serverRoutes,
  instanceActionsList,
  instanceActionsShow,
  flavorsList,
  flavorsDetail,
  flavorsShow,
  keypairsList,
  keypairsShow,
  imagesList,
  imagesShow,
  ...networkRoutes,
  ...identityRoutes,
  ...removedRoutes,
]
