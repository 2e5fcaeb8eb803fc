import type { RouteRequest } from '../route.ts'

/** Throws a 403 unless the caller has the role `service` or `admin`. */
export function authorizeService(request: Pick<RouteRequest, 'can' | 'authorize'>): void {
  if (!request.can({ role: 'admin' })) request.authorize()
}
