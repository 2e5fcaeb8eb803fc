/** The agent without its process: registers the host, follows its servers and its domains, and reconciles the one with the other. */
import { serverAction } from '../actions/index.ts'
import { condition, resourceDefOf, type ServerAction } from '../crds/index.ts'
import { createAbortScope, rejectOnAbort } from '../kube/abort.ts'
import { namespaces } from '../kube/builtin-kinds.ts'
import type { Kube } from '../kube/client.ts'
import { createEventRecorder, type EventRecorder } from '../kube/events.ts'
import { startHeartbeat } from '../kube/heartbeat.ts'
import type { Log } from '../kube/log.ts'
import { defineHistogram } from '../kube/metrics.ts'
import { type Outcome, wait } from '../kube/outcome.ts'
import { type ReconcileContext, runReconcileLoop } from '../kube/reconcile-loop.ts'
import { retryUntilAvailable } from '../kube/retry-until-available.ts'
import { keyOf } from '../kube/types.ts'
import { follow, type Running, registerSelf } from './follow.ts'
import type { AgentOptions } from './options.ts'
import { createParts, type Parts } from './parts.ts'
import { type AttemptOptions, createAttempts } from './server/attempts.ts'
import { type Deps, reconcileServer } from './server/reconcile.ts'
import { keepInSync } from './sync.ts'

const stepSeconds = defineHistogram('kubenova_step_seconds', 'Time of a step of an action.', ['action', 'step'])

/** An action may take as long as an image takes to come; steps have limits of their own. */
const RECONCILE_MS = 6 * 3_600_000
/** Between two looks whether the API server has heard of us again. */
const SILENT_MS = 1000
/** The controller looks for it. */
const LABELS = { 'compute.kubenova.io/component': 'agent' }

export interface Agent {
  run(signal: AbortSignal): Promise<void>
  /** Checks that throw, with the reason, while the agent cannot do its work. */
  ready: Record<string, () => void>
}

export async function createAgent(kube: Kube, options: AgentOptions, log: Log): Promise<Agent> {
  return agentOf(await createParts(kube, options, log))
}

/** The agent of parts that are there: those of a real host, or of a simulated one. */
export function agentOf(parts: Parts): Agent {
  const { session, facts, informer, options } = parts
  return {
    ready: {
      libvirt() {
        if (!session.connection) throw new Error(`no connection to ${options.libvirtUri}`)
        if (!facts.known) throw new Error('the host’s capabilities are not known yet')
      },
      servers() {
        if (!informer.hasSynced) throw new Error('waiting for the first list of servers')
      },
      heartbeat() {
        if (!parts.beat.current) throw new Error('waiting for the API server, or for another agent of this host to end')
        const { otherHolder: rival } = parts.beat.current
        if (rival !== undefined) throw new Error(`another agent works as host ${parts.hostName}: it is ${rival}`)
        if (isSilent(parts))
          throw new Error('the API server has not taken a heartbeat for so long that this host counts as down')
      },
    },
    run: (signal) => run(parts, signal),
  }
}

/** No heartbeat was taken for so long that others count this host as down, and may act on its servers. */
const isSilent = ({ beat, options }: Parts): boolean =>
  (beat.current?.ageMs ?? Infinity) >= options.downAfterSeconds * 1000

async function run(parts: Parts, signal: AbortSignal): Promise<void> {
  const { kube, hostName, log, session } = parts
  await using closing = new AsyncDisposableStack()
  for (const part of [session, parts.storage, parts.network, parts.host]) closing.use(part)
  const asking = { clock: kube.clock, log, signal }
  const system = kube.resource(namespaces)
  const {
    metadata: { uid: cluster = '' },
  } = await retryUntilAvailable(() => system.get({ name: 'kube-system' }, { signal }), asking)
  const { id } = closing.use(await parts.claim({ cluster, host: hostName }, signal))
  await retryUntilAvailable(() => registerSelf(parts), asking)
  const ended = closing.use(createAbortScope([signal]))
  const beat = startHeartbeat({ kube, ...heartbeatOf(parts, id), log }, ended.signal)
  parts.beat.current = beat
  closing.defer(async () => {
    ended.abort()
    await beat.ended
  })
  await rejectOnAbort(beat.acquired, signal)
  // One that lost its name to another ends, and waits for it in its next life: what it knows may be of the past.
  using both = createAbortScope([signal, beat.lost])
  await work(parts, closing, both.signal)
  if (!signal.aborted) beat.lost.throwIfAborted()
}

/** What an agent does while the host is its own. */
async function work(parts: Parts, closing: AsyncDisposableStack, signal: AbortSignal): Promise<void> {
  const { kube, options, hostName, log, informer, queue } = parts
  const events = closing.use(createEventRecorder({ kube, controller: 'kubenova.io/agent', instance: hostName, log }))
  const running: Running = new Map()
  await follow(parts, running, signal)
  closing.defer(parts.measure())
  await informer.synced(signal)
  // A libvirt that stays away is told of, too, by all that wait for it.
  await rejectOnAbort(Promise.race([parts.facts.first.promise, parts.libvirt.firstAway.promise]), signal)
  const stopSync = await keepInSync(parts, signal)
  log.info({ host: hostName }, 'agent works')
  const { concurrency } = options
  const deps = depsOf(parts, events)
  const reconcile = (key: string, ctx: ReconcileContext) => one(key, ctx, parts, deps, running)
  try {
    await runReconcileLoop(
      {
        name: 'servers',
        queue,
        concurrency,
        timeoutMs: RECONCILE_MS,
        log,
        metrics: kube.metrics,
        clock: kube.clock,
        reconcile,
      },
      signal,
    )
  } finally {
    stopSync()
  }
}

const heartbeatOf = ({ options: { namespace, downAfterSeconds }, hostName, registered }: Parts, id: string) => ({
  namespace,
  name: hostName,
  identity: `${hostName}_${id}`,
  durationMs: downAfterSeconds * 1000,
  everyMs: (downAfterSeconds * 1000) / 3,
  labels: LABELS,
  owner: () => registered.owner,
})

const attemptsOf = ({ maxAttempts, restartDelaySeconds }: AgentOptions): AttemptOptions => ({
  max: maxAttempts,
  baseMs: 1000,
  maxMs: 60_000,
  restart: { baseMs: restartDelaySeconds * 1000, maxMs: 300_000, calmMs: 600_000 },
})

function depsOf(parts: Parts, events: EventRecorder): Deps {
  const { kube, options, hostName, host, servers, newest, libvirt, watch } = parts
  return {
    hostName,
    host,
    away: () => libvirt.away,
    servers,
    wrote: (server) => newest.recordWrite(server),
    actions: kube.resource<ServerAction>(resourceDefOf(serverAction)),
    events,
    attempts: createAttempts(attemptsOf(options), () => kube.clock.now()),
    onStep: (action, step, seconds) => kube.metrics.observe(stepSeconds, { action, step }, seconds),
    now: () => kube.clock.wall().toISOString(),
    clock: kube.clock,
    waitForChange: (uuid, ms, signal) => watch.nextWithin(uuid, ms, { clock: kube.clock, signal }),
    shutdownTimeout: options.shutdownTimeoutSeconds,
  }
}

/** A server that is deleted while something else is done to it: that is given up at once. */
async function one(
  key: string,
  ctx: ReconcileContext,
  parts: Parts,
  deps: Deps,
  running: Running,
): Promise<Outcome | undefined> {
  const { informer, newest } = parts
  const server = newest.latest(informer.cache.get(key), key)
  if (!server) return undefined
  // Nothing can be built before; all servers come back when it is known.
  if (!parts.facts.known && !parts.libvirt.away) return wait('what the host can do')
  if (isSilent(parts)) return wait('the API server to take a heartbeat', SILENT_MS)
  // To the controller this host is down, or forced down: others may act on its servers. It takes that back as soon as it hears of us.
  if (condition(server.status?.conditions, 'HostReachable')?.status === 'False')
    return wait('the controller to hear of this host')
  using scope = createAbortScope([ctx.signal])
  if (!server.metadata.deletionTimestamp) running.set(key, scope)
  try {
    return await reconcileServer(server, deps, { ...ctx, signal: scope.signal })
  } catch (error) {
    if (!scope.signal.aborted || ctx.signal.aborted) throw error
    ctx.log.info({ server: keyOf(server.metadata) }, 'given up, for the server is to be deleted')
    return { kind: 'changed' }
  } finally {
    running.delete(key)
  }
}
