/** The routes of services. */
import type { Route } from '../route.ts'
import { servicesDelete } from './delete.ts'
import { servicesList } from './list.ts'
import { servicesUpdate, servicesUpdateByName } from './update.ts'

export const serviceRoutes: readonly Route[] = [servicesList, servicesUpdateByName, servicesUpdate, servicesDelete]
