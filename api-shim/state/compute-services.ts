/**
 * Nova's services. Each host has a nova-compute, which is its agent; the leading controller does the work of
 * nova-conductor and nova-scheduler.
 */
import type { HostAggregate, Hypervisor } from '../../crds/index.ts'
import { uuidFrom } from './derived-uuid.ts'
import type { Heartbeat } from './heartbeats.ts'
import { numericIdOf } from './numeric-ids.ts'

/** The zone of hosts that are in no aggregate with a zone. */
export const DEFAULT_ZONE = 'nova'
/** The zone of the services that run no servers. */
export const INTERNAL_ZONE = 'internal'

export interface ComputeService {
  binary: 'nova-compute' | 'nova-conductor' | 'nova-scheduler'
  /** Nova's topic: the name of the binary without its prefix. */
  topic: string
  host: string
  uuid: string
  /** The ID before microversion 2.53. */
  id: number
  zone: string
  isDisabled: boolean
  disabledReason: string | null
  isForcedDown: boolean
  isUp: boolean
  /** The time of the last heartbeat; undefined if there has been none. */
  updatedAt: string | undefined
  /** The host of a nova-compute. */
  hypervisor?: Hypervisor
}

export const zoneOfHost = (host: string, aggregates: readonly HostAggregate[]): string =>
  aggregates.find(({ spec }) => spec.availabilityZone !== undefined && spec.hosts.includes(host))?.spec
    .availabilityZone ?? DEFAULT_ZONE

export const isHostUp = ({ spec, status }: Hypervisor): boolean => status?.state === 'up' && !spec.forcedDown

export function computeServiceOf(
  hypervisor: Hypervisor,
  aggregates: readonly HostAggregate[],
  heartbeat: Heartbeat | undefined,
): ComputeService {
  const { metadata, spec } = hypervisor
  return {
    binary: 'nova-compute',
    topic: 'compute',
    host: metadata.name,
    uuid: metadata.uid ?? '',
    id: numericIdOf(hypervisor),
    zone: zoneOfHost(metadata.name, aggregates),
    isDisabled: spec.disabled,
    disabledReason: spec.disabledReason ?? null,
    isForcedDown: spec.forcedDown,
    isUp: isHostUp(hypervisor),
    updatedAt: heartbeat?.renewedAt,
    hypervisor,
  }
}

/** The services that the leading controller provides; none if no controller has ever led. */
export const controllerServicesOf = (heartbeat: Heartbeat | undefined): ComputeService[] =>
  heartbeat === undefined
    ? []
    : (['conductor', 'scheduler'] as const).map((topic) => {
        const uuid = uuidFrom(`${heartbeat.uid}/${topic}`)
        return {
          binary: `nova-${topic}`,
          topic,
          host: heartbeat.holder,
          uuid,
          id: numericIdOf({ metadata: { uid: uuid } }),
          zone: INTERNAL_ZONE,
          isDisabled: false,
          disabledReason: null,
          isForcedDown: false,
          isUp: heartbeat.isAlive,
          updatedAt: heartbeat.renewedAt,
        } as const
      })
