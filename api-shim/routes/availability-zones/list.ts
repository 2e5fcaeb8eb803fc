/** GET /os-availability-zone and GET /os-availability-zone/detail. */
import type { ComputeService } from '../../state/compute-services.ts'
import { INTERNAL_ZONE } from '../../state/compute-services.ts'
import { noParameters } from '../../validation/parameters.ts'
import { renderUpdatedAt } from '../../views/services.ts'
import { defineRoute } from '../route.ts'
import { listServices } from '../services/services.ts'

/** Available means that the zone has a service that is not disabled. Available zones come first. */
function zonesOf(services: readonly ComputeService[]): { name: string; available: boolean }[] {
  const names = (list: readonly ComputeService[]): Set<string> => new Set(list.map(({ zone }) => zone))
  const available = names(services.filter(({ isDisabled }) => !isDisabled))
  const others = names(services.filter(({ zone }) => !available.has(zone)))
  return [
    ...[...available].map((name) => ({ name, available: true })),
    ...[...others].map((name) => ({ name, available: false })),
  ]
}

export const availabilityZonesList = defineRoute<null>({
  name: 'availability-zones:list',
  method: 'GET',
  path: '/os-availability-zone',
  success: 200,
  policy: { rule: 'os_compute_api:os-availability-zone:list', role: 'any' },
  query: noParameters,
  async handle(request) {
    const zones = zonesOf(await listServices(request)).filter(({ name }) => name !== INTERNAL_ZONE)
    return {
      body: {
        availabilityZoneInfo: zones.map(({ name, available }) => ({
          zoneName: name,
          zoneState: { available },
          hosts: null,
        })),
      },
    }
  },
})

function renderHosts(services: readonly ComputeService[]): object {
  const hosts: Record<string, Record<string, object>> = {}
  for (const service of services.filter(({ isDisabled }) => !isDisabled)) {
    const host = (hosts[service.host] ??= {})
    host[service.binary] = { available: service.isUp, active: true, updated_at: renderUpdatedAt(service) }
  }
  return hosts
}

export const availabilityZonesDetail = defineRoute<null>({
  name: 'availability-zones:detail',
  method: 'GET',
  path: '/os-availability-zone/detail',
  success: 200,
  policy: { rule: 'os_compute_api:os-availability-zone:detail', role: 'admin' },
  query: noParameters,
  async handle(request) {
    const services = await listServices(request)
    return {
      body: {
        availabilityZoneInfo: zonesOf(services).map(({ name, available }) => ({
          zoneName: name,
          zoneState: { available },
          hosts: available ? renderHosts(services.filter(({ zone }) => zone === name)) : null,
        })),
      },
    }
  },
})
