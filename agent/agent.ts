/** The agent without its process: registers the host, follows its servers and its domains, and reconciles the one with the other. */
import { serverAction } from '../actions/index.ts'
import { condition, hypervisor, type ServerAction } from '../crds/index.ts'
import { abortable, abortScope } from '../kube/abort.ts'
import type { Kube } from '../kube/client.ts'
import { type ReconcileContext, runController } from '../kube/controller.ts'
import { namespaces } from '../kube/core.ts'
import { createRecorder, type Recorder } from '../kube/events.ts'
import { startHeartbeat } from '../kube/heartbeat.ts'
import { defOf, handleOf } from '../kube/kinds.ts'
import type { Log } from '../kube/log.ts'
import { histogram } from '../kube/metrics.ts'
import { type Outcome, wait } from '../kube/outcome.ts'
import { keyOf } from '../kube/types.ts'
import { follow, type Running } from './follow.ts'
import { ownerOf, register } from './hypervisor.ts'
import type { AgentOptions } from './options.ts'
import { createParts, type Parts } from './parts.ts'
import { createAttempts } from './server/attempts.ts'
import { type Deps, reconcileServer } from './server/reconcile.ts'
import { keepInSync } from './sync.ts'

const stepSeconds = histogram('kubenova_step_seconds', 'Time of a step of an action.', ['action', 'step'])

/** An action may take as long as an image takes to come; steps have limits of their own. */
const RECONCILE_MS = 6 * 3_600_000
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
        const age = parts.beat.current?.ageMs ?? Number.POSITIVE_INFINITY
        if (age >= options.downAfterSeconds * 1000)
          throw new Error('the API server has not taken a heartbeat for so long that this host counts as down')
      },
    },
    run: (signal) => run(parts, signal),
  }
}

async function run(parts: Parts, signal: AbortSignal): Promise<void> {
  const { kube, options, hostName, log, informer, queue, session } = parts
  await using closing = new AsyncDisposableStack()
  for (const part of [session, parts.storage, parts.network]) closing.use(part)
  const cluster = await kube
    .resource<{ metadata: { uid: string } }>(namespaces)
    .get({ name: 'kube-system' }, { signal })
  await parts.claim({ cluster: cluster.metadata.uid, host: hostName })
  const owner = ownerOf(await register(handleOf(kube, hypervisor), hostName))
  const events = closing.use(createRecorder({ kube, controller: 'kubenova.io/agent', instance: hostName, log }))
  const running: Running = new Map()
  await follow(parts, running, signal)
  closing.defer(parts.measure())
  const beat = startHeartbeat({ kube, ...heartbeatOf(options, hostName), owner, log }, signal)
  parts.beat.current = beat
  await informer.synced(signal)
  await session.connected({ signal, timeoutMs: Infinity })
  await abortable(parts.facts.first.promise, signal)
  const stopSync = await keepInSync(parts, signal)
  log.info({ host: hostName }, 'agent works')
  const { concurrency } = options
  const deps = depsOf(parts, events)
  const reconcile = (key: string, ctx: ReconcileContext) => one(key, ctx, parts, deps, running)
  try {
    await runController(
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
    await beat.ended
  }
}

const heartbeatOf = ({ namespace, downAfterSeconds }: AgentOptions, hostName: string) => ({
  namespace,
  name: hostName,
  identity: hostName,
  durationMs: downAfterSeconds * 1000,
  everyMs: (downAfterSeconds * 1000) / 3,
  labels: LABELS,
})

function depsOf({ kube, options, hostName, host, servers, newest }: Parts, events: Recorder): Deps {
  return {
    hostName,
    host,
    servers,
    wrote: (server) => newest.remember(server),
    actions: kube.resource<ServerAction>(defOf(serverAction)),
    events,
    attempts: createAttempts({ max: options.maxAttempts, baseMs: 1000, maxMs: 60_000 }, () => kube.clock.now()),
    onStep: (action, step, seconds) => kube.metrics.observe(stepSeconds, { action, step }, seconds),
    now: () => kube.clock.wall().toISOString(),
    shutdownTimeout: options.shutdownTimeoutSeconds,
  }
}

/** A server that is deleted while something else is done to it: that is given up at once. */
async function one(
  key: string,
  ctx: ReconcileContext,
  { informer, newest }: Parts,
  deps: Deps,
  running: Running,
): Promise<Outcome | undefined> {
  const server = newest.of(informer.cache.get(key), key)
  if (!server) return undefined
  // To the controller this host is down, or forced down: others may act on its servers. It takes that back as soon as it hears of us.
  if (condition(server.status?.conditions, 'HostReachable')?.status === 'False')
    return wait('the controller to hear of this host')
  using scope = abortScope([ctx.signal])
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
