/** The routes of the Network API. */
import type { Route } from '../route.ts'
import { documentRoutes } from './documents.ts'
import { networkRoutes as ownNetworkRoutes } from './networks.ts'
import { portRoutes } from './ports.ts'
import { subnetRoutes } from './subnets.ts'

export const networkRoutes: readonly Route[] = [...ownNetworkRoutes, ...subnetRoutes, ...portRoutes, ...documentRoutes]
