/** The routes of key pairs. */
import type { Route } from '../route.ts'
import { keypairsCreate } from './create.ts'
import { keypairsDelete, keypairsList, keypairsShow } from './read.ts'

export const keyPairRoutes: readonly Route[] = [keypairsList, keypairsCreate, keypairsShow, keypairsDelete]
