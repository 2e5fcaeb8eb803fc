/**
 * Whether a change of an aggregate may move hosts to another availability zone. In Nova, hosts with servers must stay
 * in their zone.
 */
import type { HostAggregate } from '../../../crds/index.ts'
import { type Fault, newBadRequest, newConflict } from '../../http/fault.ts'
import { displayNameOf } from '../../state/names.ts'
import { numericIdOf } from '../../state/numeric-ids.ts'
import { servers, serversByHost } from '../../state/stores.ts'
import { pythonRepr } from '../../validation/python.ts'
import type { RouteRequest } from '../route.ts'
import { listAggregates } from '../services/services.ts'

type Request = Pick<RouteRequest, 'state'>

const refusals = {
  add: 'Cannot add host to aggregate',
  update: 'Cannot update aggregate',
  updateMetadata: 'Cannot update metadata of aggregate',
  remove: 'Cannot remove host from aggregate',
} as const
type Operation = keyof typeof refusals

export function refuseOperation(operation: Operation, aggregate: HostAggregate, reason: string): Fault {
  const text = `${refusals[operation]} ${numericIdOf(aggregate)}. Reason: ${reason}.`
  return operation === 'add' ? newConflict(text) : newBadRequest(text)
}

async function countServers(hosts: readonly string[], { state }: Request): Promise<number> {
  const reader = await state.read(servers)
  return hosts.reduce((sum, host) => sum + reader.find(serversByHost, host).length, 0)
}

/** Throws a fault if one of the hosts is in another zone already. */
async function checkOtherZones(
  operation: Operation,
  aggregate: HostAggregate,
  { zone, hosts }: { zone: string; hosts: readonly string[] },
  request: Request,
): Promise<void> {
  const others = (await listAggregates(request)).filter(
    ({ metadata, spec }) =>
      metadata.uid !== aggregate.metadata.uid &&
      spec.availabilityZone !== undefined &&
      spec.availabilityZone !== zone &&
      spec.hosts.some((host) => hosts.includes(host)),
  )
  if (others.length === 0) return
  const zones = pythonRepr(others.map(({ spec }) => spec.availabilityZone))
  throw refuseOperation(operation, aggregate, `One or more hosts already in availability zone(s) ${zones}`)
}

/** Throws a 400 if the aggregate may not get the zone. @param zone undefined: the request does not change it */
export async function checkZoneChange(
  operation: 'update' | 'updateMetadata',
  aggregate: HostAggregate,
  zone: string | null | undefined,
  request: Request,
): Promise<void> {
  if (zone === undefined) return
  if (!zone) {
    const name = displayNameOf(aggregate)
    throw refuseOperation(operation, aggregate, `Aggregate ${name} does not support empty named availability zone`)
  }
  const { hosts, availabilityZone } = aggregate.spec
  await checkOtherZones(operation, aggregate, { zone, hosts }, request)
  if (zone !== availabilityZone && (await countServers(hosts, request)) > 0)
    throw refuseOperation(operation, aggregate, 'One or more hosts contain instances in this zone')
}

/** Throws a fault if the host would then be in two zones, or if servers on it would change their zone. */
export async function checkHostAdded(aggregate: HostAggregate, host: string, request: Request): Promise<void> {
  const { availabilityZone: zone } = aggregate.spec
  if (zone === undefined) return
  await checkOtherZones('add', aggregate, { zone, hosts: [host] }, request)
  await checkServersStay('add', aggregate, { host, from: await zoneOf(host, undefined, request), to: zone }, request)
}

/** Throws a fault if servers on the host would leave their zone. */
export async function checkHostRemoved(aggregate: HostAggregate, host: string, request: Request): Promise<void> {
  const { availabilityZone: from } = aggregate.spec
  if (from === undefined) return
  const to = await zoneOf(host, aggregate, request)
  await checkServersStay('remove', aggregate, { host, from, to }, request)
}

/** @param without an aggregate that is ignored */
const zoneOf = async (
  host: string,
  without: HostAggregate | undefined,
  request: Request,
): Promise<string | undefined> =>
  (await listAggregates(request)).find(
    ({ metadata, spec }) =>
      metadata.uid !== without?.metadata.uid && spec.availabilityZone !== undefined && spec.hosts.includes(host),
  )?.spec.availabilityZone

interface Move {
  host: string
  from: string | undefined
  to: string | undefined
}

async function checkServersStay(
  operation: 'add' | 'remove',
  aggregate: HostAggregate,
  { host, from, to }: Move,
  request: Request,
): Promise<void> {
  const count = await countServers([host], request)
  if (count === 0 || from === to) return
  const verb = operation === 'add' ? 'added to' : 'removed from'
  const reason =
    `The host cannot be ${verb} the aggregate as the availability zone of the host would change from ` +
    `'${from ?? 'None'}' to '${to ?? 'None'}' but the host already has ${count} instance(s). Changing the AZ of an ` +
    'existing instance is not supported by this action. Move the instances away from this host then try again. ' +
    'If you need to move the instances between AZs then you can use shelve_offload and unshelve to achieve this.'
  const fault = refuseOperation(operation, aggregate, reason)
  throw newConflict(fault.message)
}
