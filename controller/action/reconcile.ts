/**
 * Reconciles a ServerAction: admits it or rejects it with a reason. A Server has one slot, status.activeAction: to
 * admit an action, the controller writes it into the slot. The agent of the Server's host then runs and finishes the
 * action. The controller also writes the host's name into the ServerAction. By this name, an admission policy lets only
 * the agent of that host write to the ServerAction (crds/access).
 */
import { type Admission, admit, runningRequestOf } from '../../actions/admit.ts'
import {
  type AdmittedAction,
  type NewCondition,
  type Reason,
  Refused,
  type Server,
  type ServerAction,
  type StatusOf,
  serverOwnerReference,
  withTransitionTimes,
} from '../../crds/index.ts'
import { ignoreNotFound } from '../../kube/errors.ts'
import { done, type Outcome, wait } from '../../kube/outcome.ts'
import { keyOf } from '../../kube/types.ts'
import { applyStatus } from '../apply-status.ts'
import type { Stores } from '../stores.ts'
import { failedConditions } from './fail-action.ts'
import { isFinished, phaseOf } from './phase.ts'
import { occupyActionSlot } from './slot.ts'
import { type SlotParamsDeps, slotParamsOf } from './slot-params.ts'

type ActionStores = Pick<Stores, 'actions' | 'servers' | 'hypervisors' | 'images'>

export interface ActionDeps extends SlotParamsDeps {
  stores: ActionStores
  now(): string
}

export async function reconcileAction(key: string, deps: ActionDeps): Promise<Outcome> {
  const { stores, now } = deps
  const request = stores.actions.cache.get(key)
  if (!request || isFinished(request) || request.metadata.deletionTimestamp) return done
  const { namespace, uid } = request.metadata
  const server = stores.servers.cache.get(keyOf({ namespace, name: request.spec.server }))
  if (server?.status?.activeAction && server.status.activeAction.uid === uid)
    return markRunning(request, server, stores, now())
  // The action was running and is no longer in the server's slot: no agent will finish it, and it must not start again.
  if (phaseOf(request) === 'Running') return done
  if (server && decideAdmission(request, server).admit) return admitToSlot(request, server, deps)
  return recheckWithLiveServer(request, deps)
}

const decideAdmission = ({ spec }: ServerAction, server: Server): Admission =>
  admit(server, spec.action, spec[spec.action])

/** Milliseconds until the controller checks again whether the agent has freed the slot of a finished action. */
const SLOT_RECHECK_MS = 500
/** Milliseconds after which the cache most likely has the newest version of an object. */
const NEWEST_MS = 20

/**
 * Reads the Server from the API server and decides again. The Server in the controller's cache may be older than the
 * one that the user has seen. A rejection is final, so the controller must not base it on the cache.
 */
async function recheckWithLiveServer(request: ServerAction, deps: ActionDeps): Promise<Outcome> {
  const { stores } = deps
  const now = deps.now()
  const { namespace } = request.metadata
  const name = request.spec.server
  const server = await ignoreNotFound(stores.servers.api.get({ name, ...(namespace ? { namespace } : {}) }))
  if (!server) {
    const message = `there is no Server ${name} in this namespace`
    return reject(request, { reason: 'ServerNotFound', message }, stores, now)
  }
  const admission = decideAdmission(request, server)
  if (admission.admit) return admitToSlot(request, server, deps)
  // The agent finishes a ServerAction shortly before it sets status.lastCompletedAction, which frees the slot. If the
  // user requests the next action in between, wait for the slot instead of rejecting the request.
  const before = admission.reason === 'ActionUnderWay' && runningRequestOf(server)
  const record = before ? stores.actions.cache.get(keyOf({ namespace, name: before })) : undefined
  if (record && isFinished(record)) return wait(`the end of ${record.metadata.name} to free its slot`, SLOT_RECHECK_MS)
  return reject(request, admission, stores, now, server)
}

/**
 * Writes the action into the server's slot. The write is a compare-and-swap: if two ServerActions are to be admitted at
 * the same time, one gets the slot and the other is rejected.
 */
async function admitToSlot(cached: ServerAction, server: Server, deps: ActionDeps): Promise<Outcome> {
  const { stores } = deps
  const now = deps.now()
  const request = await getUndecidedRequest(cached, stores)
  if (!request) return done
  const { name, uid = '' } = request.metadata
  const { action, requestId } = request.spec
  const params = await slotParamsOf(request, server, deps).catch(toRejection)
  if (params instanceof Refused)
    return reject(request, { reason: params.code, message: params.message }, stores, now, server)
  const slot: AdmittedAction = {
    name,
    uid,
    action,
    // Leave out empty parameters: server-side apply would turn the empty object into null, which the CRD's schema
    // rejects.
    ...(Object.keys(params).length > 0 ? { params } : {}),
    ...(requestId === undefined ? {} : { requestId }),
    admittedAt: now,
  }
  const { result } = await occupyActionSlot(server, slot, stores)
  // The Server has changed or is gone since it was read: decide again with the newest version.
  if (result === 'conflict' || result === 'gone') return wait('the newest Server', NEWEST_MS)
  return markRunning(request, server, stores, now)
}

/**
 * Reads the request from the API server; undefined if it is finished or gone. The cache is not enough: after a change
 * of leader it may be old, and the previous leader may have rejected the request.
 */
async function getUndecidedRequest(
  { metadata: { name, namespace, uid } }: ServerAction,
  { actions }: ActionStores,
): Promise<ServerAction | undefined> {
  const latest = await ignoreNotFound(actions.api.get({ name, ...(namespace ? { namespace } : {}) }))
  const isSame = latest !== undefined && latest.metadata.uid === uid && !latest.metadata.deletionTimestamp
  return isSame && !isFinished(latest) ? latest : undefined
}

function toRejection(error: unknown): Refused {
  if (error instanceof Refused) return error
  throw error
}

/**
 * Writes phase Running and the server's host into the ServerAction. Called again when the server gets its first or
 * another host after the admission.
 */
async function markRunning(request: ServerAction, server: Server, stores: ActionStores, now: string): Promise<Outcome> {
  const host = server.status?.host
  if (phaseOf(request) === 'Running' && request.status?.host === host) return done
  const why = { reason: 'Accepted', message: `accepted; runs on ${host ?? 'the host that the server gets'}` } as const
  const set: NewCondition[] = [
    { type: 'Accepted', status: 'True', ...why },
    { type: 'Ready', status: 'False', ...why },
  ]
  return applyActionStatus(
    request,
    {
      phase: 'Running',
      ...(host === undefined ? {} : { host }),
      startTime: request.status?.startTime ?? now,
      conditions: withTransitionTimes(set, request.status?.conditions, now),
    },
    stores,
    server,
  )
}

interface Rejection {
  reason: Reason
  message: string
}

/** @param server the Server that the ServerAction names; absent if it does not exist */
async function reject(
  request: ServerAction,
  { reason, message }: Rejection,
  stores: ActionStores,
  now: string,
  server?: Server,
): Promise<Outcome> {
  const set: NewCondition[] = [
    { type: 'Accepted', status: 'False', reason, message },
    ...failedConditions(reason, message),
  ]
  const conditions = withTransitionTimes(set, request.status?.conditions, now)
  return applyActionStatus(request, { phase: 'Rejected', message, finishTime: now, conditions }, stores, server)
}

/**
 * Writes the status of the ServerAction and makes the Server its owner, so that Kubernetes deletes it with the Server.
 * The write is a compare-and-swap, because the agent may have finished the action already.
 */
async function applyActionStatus(
  seen: ServerAction,
  status: StatusOf<'admission', 'ServerAction'>,
  stores: ActionStores,
  server: Server | undefined,
): Promise<Outcome> {
  // The result does not matter. After a conflict, the event of the other change requeues the ServerAction; if it was
  // deleted, there is nothing left to write.
  await applyStatus(stores.actions.api, {
    kind: 'ServerAction',
    owner: 'admission',
    seen,
    status,
    ...(server ? { ownerReferences: [serverOwnerReference(server)] } : {}),
  })
  return done
}
