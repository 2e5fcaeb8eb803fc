/** The goals of a run must be met when the faults have ended and the cloud has converged. */
import type { Server } from '../../crds/index.ts'
import type { Lease } from '../../kube/builtin-kinds.ts'
import type { KubeObject } from '../../kube/types.ts'
import type { Cloud } from './cloud.ts'
import { isWaitingForAddress } from './expectations.ts'
import { findHostViolations } from './goals/hosts.ts'
import { findAddressViolations, findPortViolations } from './goals/ports.ts'
import { findRequestViolations } from './goals/records.ts'
import { findServerViolations } from './goals/servers.ts'
import type { Plan } from './plan.ts'

export function findUnmetGoals(cloud: Cloud, plan: Plan): string[] {
  const servers = cloud.api.peek<Server>('servers')
  return [
    ...servers.flatMap((server) => findServerViolations(server, { cloud, plan, servers })),
    ...findRequestViolations(cloud, servers),
    ...findPortViolations(cloud, servers, plan),
    ...findAddressViolations(cloud),
    ...findHostViolations(cloud, servers),
    ...findUnobservedObjects(cloud),
  ]
}

/**
 * Finds the flavors, networks and images that the controller has not observed. The controller writes conditions when it
 * observes such an object, so an object without conditions was not observed.
 */
const findUnobservedObjects = ({ api }: Cloud): string[] =>
  ['flavors', 'networks', 'images'].flatMap((plural) =>
    api
      .peek<KubeObject & { status?: { conditions?: unknown } }>(plural)
      .filter(({ status }) => status?.conditions === undefined)
      .map(({ metadata }) => `${metadata.name} of ${plural} has no conditions`),
  )

/** The number for the controller includes the Leases of hosts. */
const WATCHED_KINDS = { controller: 10, agent: 2 }

export function findLastingFaults({ slots, streams, host, api }: Cloud): string[] {
  const leader = api.peek<Lease>('leases').find(({ metadata }) => metadata.name === 'kubenova-controller')
  const hasLeader = slots.some(({ process }) => process?.identity === leader?.spec?.holderIdentity)
  const lasting = slots.flatMap(({ name, process }) => {
    if (!process) return [`${name} does not run`]
    const open = [...streams].filter((stream) => stream.processName === name && !stream.isSilent).length
    const expected = host(name) ? WATCHED_KINDS.agent : WATCHED_KINDS.controller
    return open < expected ? [`${name} watches only ${open} kinds`] : []
  })
  return hasLeader ? lasting : [...lasting, 'no controller leads']
}

export const listServersInError = ({ api }: Cloud): Server[] =>
  api.peek<Server>('servers').filter(({ status }) => status?.vmState === 'error')

/**
 * Call it after each server in error has got a `start` request without injected faults. A server without a host is
 * reported only if status.rejectedHosts names hosts that could not build it. Otherwise no host has had room for it, and
 * it rightly stays in error.
 */
export const findStillInError = (cloud: Cloud): string[] =>
  listServersInError(cloud)
    .filter(({ status }) => status?.host !== undefined || status?.rejectedHosts)
    .map(({ metadata, spec }) => `${metadata.name} is in error after a start request, not ${spec.powerState}`)

export const countWaitingForAddresses = ({ api }: Cloud): number =>
  api.peek<Server>('servers').filter(isWaitingForAddress).length
