/** Another name of /servers that Nova has until 2.102. */
import { minorOf, type VersionText } from '../http/microversion.ts'
import type { Route } from './route.ts'
import { serverRoutes } from './servers/index.ts'

const LAST: VersionText = '2.102'

const earlierOf = (a: VersionText, b: VersionText): VersionText => (minorOf(a) < minorOf(b) ? a : b)

export const volumesBootRoutes: readonly Route[] = serverRoutes
  .filter(({ path }) => /^\/servers(\/detail|\/\{server_id\}(\/action)?)?$/.test(path))
  .map((route) => ({
    ...route,
    name: route.name.replace('servers:', 'volumes-boot:'),
    path: route.path.replace('/servers', '/os-volumes_boot'),
    until: earlierOf(route.until ?? LAST, LAST),
  }))
