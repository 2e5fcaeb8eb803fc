/**
 * No controller and no agent runs in a replay. The replay writes the status itself, so that a server has each recorded
 * state at once.
 */

import { newNameFor } from '../../api-shim/state/names.ts'
import { actions, ports, servers } from '../../api-shim/state/stores.ts'
import type { TestShim } from '../../api-shim/testing.ts'
import type { Port, Server, ServerAction, TaskState, VmState } from '../../crds/index.ts'
import { isNotFound } from '../../kube/errors.ts'
import { placementOf } from './placement.ts'

export interface WantedState {
  vmState: VmState
  taskState?: TaskState
  locked?: 'owner'
  /** Default: host-1. */
  host?: string
  launchedAt?: string
  /** true: an offloaded server still has a host. */
  keepsHost?: boolean
  /** false: a server in error has no fault. */
  hasFault?: boolean
}

const stateOfStatus: Readonly<Record<string, VmState>> = {
  ACTIVE: 'active',
  SHUTOFF: 'stopped',
  ERROR: 'error',
  BUILD: 'building',
  VERIFY_RESIZE: 'resized',
}

const statesOfActions: Readonly<Record<string, VmState>> = {
  'os-start': 'stopped',
  unpause: 'paused',
  resume: 'suspended',
  unrescue: 'rescued',
  confirmResize: 'resized',
  revertResize: 'resized',
  unshelve: 'shelved',
  shelveOffload: 'shelved',
  restore: 'soft-delete',
}
const stateFor = (action: string): VmState => statesOfActions[action] ?? 'active'

/**
 * Parses a text such as `{server:1}: vm_state paused, task none`; undefined if it describes no state.
 * @param action the key of the request's body
 */
export function wantedState(setup: string, action = ''): WantedState | undefined {
  const [, owner] = /locked by (its owner|an administrator)/.exec(setup) ?? []
  // A text that tells only of a lock means an active server, or one in the state that the requested action needs.
  const state = setup.includes('in the state that the action needs') ? stateFor(action) : 'active'
  const { vmState = owner === undefined ? undefined : state, taskState } = statesIn(setup)
  if (vmState === undefined) return undefined
  return {
    vmState,
    ...(taskState === undefined || taskState === 'none' ? {} : { taskState: taskState as TaskState }),
    // The recorded administrator locked it in its own project, which Nova takes for a lock of the owner.
    ...(owner === undefined ? {} : { locked: 'owner' as const }),
  }
}

function statesIn(setup: string): { vmState?: VmState | undefined; taskState?: string | undefined } {
  const [, vmState, task] = /vm_state ([\w-]+)(?:, task ([\w-]+))?/.exec(setup) ?? []
  const [, status = '', running] =
    /(ACTIVE|SHUTOFF|ERROR|BUILD|VERIFY_RESIZE)\b(?:[^,;]*, task ([\w-]+))?/.exec(setup) ?? []
  const [, building] = /\bBUILD, (\w+)$/.exec(setup) ?? []
  return { vmState: (vmState as VmState | undefined) ?? stateOfStatus[status], taskState: task ?? running ?? building }
}

const powerOf: Readonly<Partial<Record<VmState, 'Running' | 'Paused' | 'Shutdown' | 'Suspended'>>> = {
  active: 'Running',
  paused: 'Paused',
  suspended: 'Shutdown',
  stopped: 'Shutdown',
  shelved: 'Shutdown',
}
const desiredOf: Readonly<Partial<Record<VmState, string>>> = {
  paused: 'Paused',
  suspended: 'Suspended',
  stopped: 'Stopped',
}

interface NewServer {
  /** Default: the member's. */
  userId?: string | undefined
  /** true: a deletion stays under way. */
  isHeld?: boolean
}

export const createServer = (
  shim: TestShim,
  name: string,
  { userId, isHeld = false }: NewServer = {},
): Promise<Server> =>
  shim.seed<Server>(servers.kind, {
    metadata: {
      name: newNameFor(name),
      namespace: 'mine',
      ...(isHeld ? { finalizers: ['test.kubenova.io/held'] } : {}),
      annotations: {
        'compute.kubenova.io/user-id': userId ?? shim.callerOf('member')?.user.id ?? '',
        'compute.kubenova.io/reservation-id': 'r-1a2b3c4d',
      },
    },
    spec: { flavor: 'f-tiny', image: { name: 'tiny', namespace: 'admin' }, displayName: name, configDrive: false },
  })

/** Gives the server a port on the network `private`, and returns its ID. */
export async function seedPort({ metadata: { name, namespace } }: Server, shim: TestShim): Promise<string> {
  const { metadata } = await shim.seed<Port>(ports.kind, {
    metadata: { name: `${name}-port`, namespace },
    spec: { network: { name: 'private' } },
    status: { macAddress: 'fa:16:3e:00:00:01', fixedIPs: ['10.10.0.5', 'fd00:10::5'], server: name },
  })
  return metadata.uid ?? ''
}

/** Does nothing if the server no longer exists. */
export async function setState(
  shim: TestShim,
  ref: { name: string; namespace?: string | undefined },
  wanted: WantedState,
): Promise<void> {
  const { vmState, locked } = wanted
  const resource = shim.api.resource<Server>(servers.kind)
  const key = { name: ref.name, namespace: ref.namespace ?? 'mine' }
  const annotations = { 'compute.kubenova.io/locked-by': locked ?? null }
  const own = shim.api.list<ServerAction>('serveractions', key.namespace).filter(({ spec }) => spec.server === ref.name)
  for (const { metadata } of own) await shim.api.resource(actions.kind).delete(metadata)
  try {
    const spec = { powerState: desiredPowerOf(vmState), locked: locked !== undefined }
    const server = await resource.patch(key, { metadata: { annotations }, spec })
    const status = statusOf(server, wanted, shim)
    await shim.waitForCache(servers.kind, await resource.patch(key, { status }, { subresource: 'status' }))
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

const desiredPowerOf = (vmState: VmState): string => desiredOf[vmState] ?? 'Running'
const seededAt = '2026-01-02T03:04:05Z'

function statusOf(server: Server, wanted: WantedState, { api }: TestShim): object {
  const { vmState, taskState, host = 'host-1', launchedAt = seededAt, keepsHost = false, hasFault = true } = wanted
  return {
    ...placementOf(server, host, api),
    ...(vmState === 'shelved_offloaded' && !keepsHost ? { host: null } : {}),
    vmState,
    taskState: taskState ?? null,
    powerState: powerOf[vmState] ?? 'NOSTATE',
    reachedPowerState: desiredPowerOf(vmState),
    launchedAt: vmState === 'building' ? null : launchedAt,
    domain: { name: 'instance-00000001' },
    fault:
      vmState === 'error' && hasFault ? { code: 500, message: 'No valid host was found. ', created: seededAt } : null,
  }
}
