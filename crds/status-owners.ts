/**
 * The table of status owners: each status field and condition is written by one component, its owner. From the table
 * come the types of the status that each component may write, the admission policies for agents, and invariants of the
 * simulation tests.
 */
import type { Flavor } from './kinds/flavor.ts'
import type { HostAggregate } from './kinds/host-aggregate.ts'
import type { Hypervisor } from './kinds/hypervisor.ts'
import type { Image } from './kinds/image.ts'
import type { KeyPair } from './kinds/key-pair.ts'
import type { Network } from './kinds/network.ts'
import type { Port } from './kinds/port.ts'
import type { Server } from './kinds/server.ts'
import type { ServerAction } from './kinds/server-action.ts'
import type { ConditionType } from './reasons.ts'
import type { Condition } from './schema.ts'

export const owners = {
  scheduler: 'chooses the host of each Server',
  admission: 'admits ServerActions, at most one at a time for each Server',
  nodeLifecycle: 'watches which hosts are up, and what is used of them',
  addressing: 'allocates addresses to Ports',
  catalogue: 'checks the kinds that Servers refer to',
  agent: 'runs the Servers of its host',
} as const
export type Owner = keyof typeof owners

/**
 * The owners of a field or condition that has different owners at different times. {@link ownerOfField} and {@link
 * ownerOfCondition} return the present owner.
 */
export interface Handover {
  /** The owner until the agent has written the status of this object for the first time. */
  untilAgentWrites?: Owner
  /** The owner while the condition has the reason HostDown. */
  whileHostDown?: Owner
  otherwise: Owner
}
export type Ownership = Owner | Handover

const schedulerThenAgent = { untilAgentWrites: 'scheduler', otherwise: 'agent' } as const
const admissionThenAgent = { untilAgentWrites: 'admission', otherwise: 'agent' } as const

export interface OwnedObjects {
  Server: Server
  ServerAction: ServerAction
  Flavor: Flavor
  Image: Image
  Network: Network
  Port: Port
  KeyPair: KeyPair
  Hypervisor: Hypervisor
  HostAggregate: HostAggregate
}
export type OwnedKind = keyof OwnedObjects
type StatusByKind = { [K in OwnedKind]: NonNullable<OwnedObjects[K]['status']> }

/** Requires every field of each kind's status: a missing field is a type error. */
type Table = {
  [K in OwnedKind]: {
    fields: { [F in Exclude<keyof StatusByKind[K], 'conditions'>]-?: Ownership }
    conditions: Partial<Record<ConditionType, Ownership>>
  }
}

const catalogue = {
  fields: { observedGeneration: 'catalogue' },
  conditions: { Ready: 'catalogue', Stalled: 'catalogue' },
} as const

export const statusOwners = {
  Server: {
    fields: {
      host: 'scheduler',
      instance: 'scheduler',
      addresses: 'scheduler',
      rejectedHosts: 'scheduler',
      activeAction: 'admission',
      observedGeneration: schedulerThenAgent,
      vmState: schedulerThenAgent,
      taskState: schedulerThenAgent,
      fault: schedulerThenAgent,
      actionRecords: schedulerThenAgent,
      mode: 'agent',
      powerState: 'agent',
      reachedPowerState: 'agent',
      launchedAt: 'agent',
      domain: 'agent',
      console: 'agent',
      lastCompletedAction: 'agent',
      hostRejection: 'agent',
    },
    conditions: {
      Scheduled: 'scheduler',
      HostReachable: 'nodeLifecycle',
      DeletionPending: 'nodeLifecycle',
      Ready: { ...schedulerThenAgent, whileHostDown: 'nodeLifecycle' },
      Reconciling: schedulerThenAgent,
      Stalled: schedulerThenAgent,
    },
  },
  ServerAction: {
    fields: {
      phase: admissionThenAgent,
      host: admissionThenAgent,
      startTime: admissionThenAgent,
      finishTime: admissionThenAgent,
      message: admissionThenAgent,
      deletedServer: 'admission',
      failureScope: 'agent',
      events: 'agent',
      steps: 'agent',
    },
    conditions: {
      Accepted: 'admission',
      Complete: admissionThenAgent,
      Ready: admissionThenAgent,
      Stalled: admissionThenAgent,
    },
  },
  Flavor: catalogue,
  Image: catalogue,
  Network: catalogue,
  Port: {
    fields: { macAddress: 'addressing', fixedIPs: 'addressing', server: 'addressing' },
    conditions: { Ready: 'addressing', Stalled: 'addressing' },
  },
  KeyPair: { ...catalogue, fields: { ...catalogue.fields, fingerprint: 'catalogue' } },
  Hypervisor: {
    fields: {
      // Only the controller acts on a Hypervisor's spec, so it writes observedGeneration.
      observedGeneration: 'nodeLifecycle',
      state: 'nodeLifecycle',
      used: 'nodeLifecycle',
      servers: 'nodeLifecycle',
      hostIP: 'agent',
      agentPort: 'agent',
      arch: 'agent',
      domainType: 'agent',
      libvirtVersion: 'agent',
      qemuVersion: 'agent',
      agentVersion: 'agent',
      capacity: 'agent',
      cpu: 'agent',
      numa: 'agent',
      machineTypes: 'agent',
      firmware: 'agent',
      diskBuses: 'agent',
      vifModels: 'agent',
      bootedAt: 'agent',
      sealingKey: 'agent',
    },
    conditions: {
      Ready: { whileHostDown: 'nodeLifecycle', otherwise: 'agent' },
      Stalled: 'nodeLifecycle',
      VersionSkew: 'nodeLifecycle',
    },
  },
  HostAggregate: { ...catalogue, fields: { ...catalogue.fields, hosts: 'catalogue' } },
} as const satisfies Table

type OwnersIn<O> = O extends string ? O : O[keyof O]
type FieldsOf<K extends OwnedKind, O extends Owner> = {
  [F in keyof (typeof statusOwners)[K]['fields']]: O extends OwnersIn<(typeof statusOwners)[K]['fields'][F]> ? F : never
}[keyof (typeof statusOwners)[K]['fields']]

export type StatusOf<O extends Owner, K extends OwnedKind = 'Server'> = Pick<
  StatusByKind[K],
  FieldsOf<K, O> & keyof StatusByKind[K]
> & { conditions?: Condition[] }

type AnyStatus = Readonly<Record<string, unknown>> & { conditions?: readonly Condition[] }

/**
 * Whether the agent of the object's present host has written the status. A Server without a host has no such agent, so
 * the result is false. Fields from the agent of its previous host may still be in its status, but they do not count.
 */
const agentHasWritten: Partial<Record<OwnedKind, (status: AnyStatus) => boolean>> = {
  Server: ({ host, domain }) => host !== undefined && domain !== undefined,
  // During a requested action the agent writes only `steps`, and admission still owns the other fields. The agent takes
  // them over when it writes `events` at the end. The agent itself created a record without the condition Accepted, so
  // for such a record `steps` is enough.
  ServerAction: ({ events, steps, conditions }) =>
    events !== undefined || (steps !== undefined && !conditions?.some(({ type }) => type === 'Accepted')),
}

const ownershipOfField = (kind: OwnedKind, field: string): Ownership | undefined =>
  (statusOwners[kind].fields as Readonly<Record<string, Ownership>>)[field]

const ownershipOfCondition = (kind: OwnedKind, type: string): Ownership | undefined =>
  (statusOwners[kind].conditions as Readonly<Record<string, Ownership>>)[type]

const ownersIn = (ownership: Ownership): Owner[] =>
  typeof ownership === 'string' ? [ownership] : Object.values(ownership)

/**
 * Some fields change their owner once the agent has written the status, so the present status is needed. Undefined: the
 * kind has no such field.
 */
export function ownerOfField(kind: OwnedKind, field: string, status: AnyStatus): Owner | undefined {
  const ownership = ownershipOfField(kind, field)
  if (ownership === undefined || typeof ownership === 'string') return ownership
  const { untilAgentWrites, otherwise } = ownership
  return untilAgentWrites !== undefined && !agentHasWritten[kind]?.(status) ? untilAgentWrites : otherwise
}

export const isHostDown = ({ type, reason }: Pick<Condition, 'type' | 'reason'>): boolean =>
  type === 'Ready' && reason === 'HostDown'

/** The owner while the object has this status. Undefined: the kind has no such condition. */
export function ownerOfCondition(kind: OwnedKind, type: string, status: AnyStatus): Owner | undefined {
  const ownership = ownershipOfCondition(kind, type)
  if (ownership === undefined || typeof ownership === 'string') return ownership
  const { untilAgentWrites, whileHostDown, otherwise } = ownership
  if (whileHostDown !== undefined && status.conditions?.some((c) => c.type === type && isHostDown(c)))
    return whileHostDown
  return untilAgentWrites !== undefined && !agentHasWritten[kind]?.(status) ? untilAgentWrites : otherwise
}

/** The fields and conditions of `status` that `owner` owns at present. */
export function ownedStatus<O extends Owner, K extends OwnedKind>(
  kind: K,
  owner: O,
  status: StatusByKind[K] = {},
): StatusOf<O, K> {
  const { conditions = [], ...fields } = status as AnyStatus
  const own = Object.entries(fields).filter(([name]) => ownerOfField(kind, name, status as AnyStatus) === owner)
  const ownConditions = conditions.filter(({ type }) => ownerOfCondition(kind, type, status as AnyStatus) === owner)
  return {
    ...Object.fromEntries(own),
    ...(ownConditions.length > 0 ? { conditions: ownConditions } : {}),
  } as StatusOf<O, K>
}

export const fieldsOf = (kind: OwnedKind, owner: Owner): string[] =>
  Object.keys(statusOwners[kind].fields).filter((name) => isAmongOwners(ownershipOfField(kind, name), owner))

export const conditionsOf = (kind: OwnedKind, owner: Owner): string[] =>
  Object.keys(statusOwners[kind].conditions).filter((type) => isAmongOwners(ownershipOfCondition(kind, type), owner))

const isAmongOwners = (ownership: Ownership | undefined, owner: Owner): boolean =>
  ownership !== undefined && ownersIn(ownership).includes(owner)
