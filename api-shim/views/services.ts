import { isoMicroseconds } from '../http/time.ts'
import type { ComputeService } from '../state/compute-services.ts'

export const renderUpdatedAt = ({ updatedAt }: ComputeService): string | null =>
  updatedAt === undefined ? null : isoMicroseconds(updatedAt)

export const renderService = (service: ComputeService, version: number): object => ({
  binary: service.binary,
  host: service.host,
  id: version >= 53 ? service.uuid : service.id,
  zone: service.zone,
  status: service.isDisabled ? 'disabled' : 'enabled',
  state: service.isUp ? 'up' : 'down',
  updated_at: renderUpdatedAt(service),
  disabled_reason: service.disabledReason,
  ...(version >= 11 ? { forced_down: service.isForcedDown } : {}),
})
