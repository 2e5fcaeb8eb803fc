/** All routes of the shim. A route is added here and nowhere else. */
import { extensionRoutes } from './extensions/extensions.ts'
import { flavorRoutes } from './flavors/index.ts'
import { identityRoutes } from './identity/index.ts'
import { imagesList, imagesShow } from './images/images.ts'
import { instanceActionsList, instanceActionsShow } from './instance-actions/list.ts'
import { keyPairRoutes } from './keypairs/index.ts'
import { networkRoutes } from './networks/networks.ts'
import { quotaRoutes } from './quotas/index.ts'
import { removedRoutes } from './removed.ts'
import type { Route } from './route.ts'
import { serverGroupRoutes } from './server-groups/server-groups.ts'
import { serverRoutes } from './servers/index.ts'
import { usageRoutes } from './usage/index.ts'

export const allRoutes: readonly Route[] = [
  ...serverRoutes,
  instanceActionsList,
  instanceActionsShow,
  ...flavorRoutes,
  ...keyPairRoutes,
  ...quotaRoutes,
  ...usageRoutes,
  ...serverGroupRoutes,
  ...extensionRoutes,
  imagesList,
  imagesShow,
  ...networkRoutes,
  ...identityRoutes,
  ...removedRoutes,
]
