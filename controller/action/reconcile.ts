/**
 * Reconciles a ServerAction: admits it or rejects it with a reason. To admit it, the controller writes it into the
 * Server's only slot, status.activeAction; the agent of the host then runs and finishes it. The controller also writes
 * the host's name into the ServerAction, by which an admission policy (crds/access) lets only that agent write to it.
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
  admit(server, spec.action, spec[spec.action], spec)

/** Milliseconds until the controller checks again whether the agent has freed the slot of a finished action. */
const SLOT_RECHECK_MS = 500
/** Milliseconds after which the cache most likely has the newest version of an object. */
const NEWEST_MS = 20

/**
 * A rejection is final, but the cached Server may be older than the one that the user has seen. So the decision is made
 * again with the Server from the API server.
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
  // The agent finishes a ServerAction shortly before it frees the slot by status.lastCompletedAction. A request in
  // between waits for the slot instead of being rejected.
  const before = admission.reason === 'ActionUnderWay' && runningRequestOf(server)
  const record = before ? stores.actions.cache.get(keyOf({ namespace, name: before })) : undefined
  if (record && isFinished(record)) return wait(`the end of ${record.metadata.name} to free its slot`, SLOT_RECHECK_MS)
  return reject(request, admission, stores, now, server)
}

/** The write is a compare-and-swap: of two ServerActions at the same time, only one gets the slot. */
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
    // Server-side apply would turn empty parameters into null, which the CRD's schema rejects.
    ...(Object.keys(params).length > 0 ? { params } : {}),
    ...(requestId === undefined ? {} : { requestId }),
    admittedAt: now,
  }
  const { result } = await occupyActionSlot(server, slot, stores)
  if (result === 'conflict' || result === 'gone') return wait('the newest Server', NEWEST_MS)
  return markRunning(request, server, stores, now)
}

/**
 * Reads the request from the API server; undefined if it is finished or gone. After a change of leader, the cache may
 * lack a rejection by the previous leader.
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

/** Also called when the server gets its first or another host after the admission. */
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
 * Makes the Server the owner, so that Kubernetes deletes the ServerAction with it. The write is a compare-and-swap,
 * because the agent may have finished the action already.
 */
async function applyActionStatus(
  seen: ServerAction,
  status: StatusOf<'admission', 'ServerAction'>,
  stores: ActionStores,
  server: Server | undefined,
): Promise<Outcome> {
  // The result does not matter: after a conflict, the other change requeues the ServerAction; a deleted one needs no
  // status.
  await applyStatus(stores.actions.api, {
    kind: 'ServerAction',
    owner: 'admission',
    seen,
    status,
    ...(server ? { ownerReferences: [serverOwnerReference(server)] } : {}),
  })
  return done
}
