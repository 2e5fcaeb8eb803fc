/**
 * No controller and no agent runs in a replay. The replay writes the status itself, so that a server has each recorded
 * state at once.
 */

import { actions, servers } from '../../api-shim/state/stores.ts'
import type { TestShim } from '../../api-shim/testing.ts'
import type { Server, ServerAction, TaskState, VmState } from '../../crds/index.ts'
import { isNotFound } from '../../kube/errors.ts'
import { placementOf } from './placement.ts'

export interface WantedState {
  vmState: VmState
  taskState?: TaskState
  locked?: 'owner' | 'admin'
  /** Default: host-1. */
  host?: string
  launchedAt?: string
}

const stateOfStatus: Readonly<Record<string, VmState>> = {
  ACTIVE: 'active',
  SHUTOFF: 'stopped',
  ERROR: 'error',
  BUILD: 'building',
  VERIFY_RESIZE: 'resized',
}

/** Parses a text such as `{server:1}: vm_state paused, task none`; undefined if it describes no state. */
export function wantedState(setup: string): WantedState | undefined {
  const [, owner] = /locked by (its owner|an administrator)/.exec(setup) ?? []
  // A text that tells only of a lock means an active server.
  const { vmState = owner === undefined ? undefined : 'active', taskState } = statesIn(setup)
  if (vmState === undefined) return undefined
  return {
    vmState,
    ...(taskState === undefined || taskState === 'none' ? {} : { taskState: taskState as TaskState }),
    ...(owner === undefined ? {} : { locked: owner === 'its owner' ? 'owner' : 'admin' }),
  }
}

function statesIn(setup: string): { vmState?: VmState | undefined; taskState?: string | undefined } {
  const [, vmState, task] = /vm_state ([\w-]+)(?:, task ([\w-]+))?/.exec(setup) ?? []
  const [, status = '', running] =
    /(ACTIVE|SHUTOFF|ERROR|BUILD|VERIFY_RESIZE)\b(?:[^,;]*, task ([\w-]+))?/.exec(setup) ?? []
  return { vmState: (vmState as VmState | undefined) ?? stateOfStatus[status], taskState: task ?? running }
}

const powerOf: Readonly<Partial<Record<VmState, 'Running' | 'Paused' | 'Shutdown' | 'Suspended'>>> = {
  active: 'Running',
  paused: 'Paused',
  suspended: 'Shutdown',
  stopped: 'Shutdown',
}
const desiredOf: Readonly<Partial<Record<VmState, string>>> = {
  paused: 'Paused',
  suspended: 'Suspended',
  stopped: 'Stopped',
}

export const createServer = (shim: TestShim, name: string): Promise<Server> =>
  shim.seed<Server>(servers.kind, {
    metadata: {
      name: `${name}-${Math.random().toString(36).slice(2, 8)}`,
      namespace: 'mine',
      annotations: {
        'compute.kubenova.io/user-id': shim.callerOf('member')?.user.id ?? '',
        'compute.kubenova.io/reservation-id': 'r-1a2b3c4d',
      },
    },
    spec: { flavor: 'f-tiny', image: { name: 'tiny', namespace: 'admin' }, displayName: name, configDrive: false },
  })

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
  const { vmState, taskState, host = 'host-1', launchedAt = seededAt } = wanted
  return {
    ...placementOf(server, host, api),
    ...(vmState === 'shelved_offloaded' ? { host: null } : {}),
    vmState,
    taskState: taskState ?? null,
    powerState: powerOf[vmState] ?? 'NOSTATE',
    reachedPowerState: desiredPowerOf(vmState),
    launchedAt: vmState === 'building' ? null : launchedAt,
    domain: { name: 'instance-00000001' },
    fault: vmState === 'error' ? { code: 500, message: 'No valid host was found. ', created: seededAt } : null,
  }
}
