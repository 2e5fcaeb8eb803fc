/**
 * A ServerAction: admitted to its server's one slot, or refused with a reason. The agent of the server's host does it and ends it: the host is
 * written into the ServerAction, for only the agent of that one may (crds/access).
 */
import { type Admission, admit, runningRequestOf } from '../../actions/admit.ts'
import {
  type AdmittedAction,
  type NewCondition,
  ownedBy,
  type Reason,
  type Server,
  type ServerAction,
  type StatusOf,
  stamp,
} from '../../crds/index.ts'
import { ignoreNotFound } from '../../kube/errors.ts'
import { done, type Outcome, wait } from '../../kube/outcome.ts'
import { keyOf } from '../../kube/types.ts'
import { applyStatus } from '../apply-status.ts'
import type { Stores } from '../stores.ts'
import { isEnded, phaseOf } from './phase.ts'
import { occupyActionSlot } from './slot.ts'

type ActionStores = Pick<Stores, 'actions' | 'servers'>

export interface ActionDeps {
  stores: ActionStores
  now(): string
}

export async function reconcileAction(key: string, { stores, now }: ActionDeps): Promise<Outcome> {
  const asked = stores.actions.cache.get(key)
  if (!asked || isEnded(asked) || asked.metadata.deletionTimestamp) return done
  const { namespace, uid } = asked.metadata
  const server = stores.servers.cache.get(keyOf({ namespace, name: asked.spec.server }))
  if (server?.status?.activeAction && server.status.activeAction.uid === uid)
    return accepted(asked, server, stores, now())
  // Its server has gone on without it: nobody will end it, nobody begins it again.
  if (phaseOf(asked) === 'Running') return done
  if (server && judge(asked, server).admit) return take(asked, server, stores, now())
  return judgeAgain(asked, stores, now())
}

const judge = ({ spec }: ServerAction, server: Server): Admission => admit(server, spec.action, spec[spec.action])

/** Until an action that has ended is counted by its server. */
const COUNTED_MS = 500
/** The newest version of an object comes by the watch before. */
const NEWEST_MS = 20

/** A refusal is for good, and whoever asks may have seen more than the cache has: only what the API server itself says of the server counts. */
async function judgeAgain(asked: ServerAction, stores: ActionStores, now: string): Promise<Outcome> {
  const { namespace } = asked.metadata
  const name = asked.spec.server
  const server = await ignoreNotFound(stores.servers.api.get({ name, ...(namespace ? { namespace } : {}) }))
  if (!server) {
    const message = `there is no Server ${name} in this namespace`
    return refuse(asked, { reason: 'ServerNotFound', message }, stores, now)
  }
  const verdict = judge(asked, server)
  if (verdict.admit) return take(asked, server, stores, now)
  // The record of the one before ends first: its user goes on from there.
  const before = verdict.reason === 'ActionUnderWay' && runningRequestOf(server)
  const record = before ? stores.actions.cache.get(keyOf({ namespace, name: before })) : undefined
  if (record && isEnded(record)) return wait(`the end of ${record.metadata.name} to be counted`, COUNTED_MS)
  return refuse(asked, verdict, stores, now, server)
}

/** Takes the server's slot: a compare-and-swap, so that of two deeds at once one is refused. */
async function take(asked: ServerAction, server: Server, stores: ActionStores, now: string): Promise<Outcome> {
  const { name, uid = '' } = asked.metadata
  const { action, requestId } = asked.spec
  const params = (asked.spec[action] ?? {}) as Record<string, unknown>
  const slot: AdmittedAction = {
    name,
    uid,
    action,
    // An empty object does not survive server-side apply: it comes out as null.
    ...(Object.keys(params).length > 0 ? { params } : {}),
    ...(requestId === undefined ? {} : { requestId }),
    admittedAt: now,
  }
  const { result } = await occupyActionSlot(server, slot, stores)
  // Something else was written first, or the server is gone: judged anew on what is now.
  if (result === 'conflict' || result === 'gone') return wait('the newest Server', NEWEST_MS)
  return accepted(asked, server, stores, now)
}

/** Again when the server comes to its host only after, or to another. */
async function accepted(asked: ServerAction, server: Server, stores: ActionStores, now: string): Promise<Outcome> {
  const host = server.status?.host
  if (phaseOf(asked) === 'Running' && asked.status?.host === host) return done
  const set: NewCondition = {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: 'the server takes it',
  }
  return write(
    asked,
    {
      phase: 'Running',
      ...(host === undefined ? {} : { host }),
      startTime: asked.status?.startTime ?? now,
      conditions: stamp([set], asked.status?.conditions, now),
    },
    stores,
    server,
  )
}

interface Why {
  reason: Reason
  message: string
}

/** @param server that it was asked of, if there is one */
async function refuse(
  asked: ServerAction,
  { reason, message }: Why,
  stores: ActionStores,
  now: string,
  server?: Server,
): Promise<Outcome> {
  const set: NewCondition = { type: 'Accepted', status: 'False', reason, message }
  const conditions = stamp([set], asked.status?.conditions, now)
  return write(asked, { phase: 'Rejected', message, finishTime: now, conditions }, stores, server)
}

/** Onto the object as it was read: the agent may have ended the deed already. Owned by its server, so that it goes with it. */
async function write(
  seen: ServerAction,
  status: StatusOf<'admission', 'ServerAction'>,
  stores: ActionStores,
  server: Server | undefined,
): Promise<Outcome> {
  // Changed meanwhile: its event brings it back. Deleted: nobody is left to tell.
  await applyStatus(stores.actions.api, {
    kind: 'ServerAction',
    owner: 'admission',
    seen,
    status,
    ...(server ? { ownerReferences: [ownedBy(server)] } : {}),
  })
  return done
}
