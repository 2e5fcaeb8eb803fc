/**
 * The agent: registers the host as a Hypervisor, and makes the host's domains match its Servers. program.ts adds flags
 * and the metrics server.
 */
import { QUESTION_PAGE } from '../actions/host-question.ts'
import { serverAction } from '../actions/index.ts'
import { resourceDefOf, type ServerAction } from '../crds/index.ts'
import { createAbortScope, rejectOnAbort } from '../kube/abort.ts'
import { namespaces } from '../kube/builtin-kinds.ts'
import type { Kube } from '../kube/client.ts'
import { runControllers } from '../kube/controller.ts'
import { createEventRecorder, type EventRecorder } from '../kube/events.ts'
import type { Page } from '../kube/health-server.ts'
import { startHeartbeat } from '../kube/heartbeat.ts'
import type { Log } from '../kube/log.ts'
import { defineHistogram } from '../kube/metrics.ts'
import { retryUntilAvailable } from '../kube/retry-until-available.ts'
import { type AgentComponents, createAgentComponents } from './components.ts'
import type { AgentOptions } from './options.ts'
import { ActionRuns } from './server/action-run.ts'
import { type AttemptOptions, createAttempts } from './server/attempts.ts'
import { createServerController, type RunningReconciles } from './server/controller.ts'
import type { Deps } from './server/deps.ts'
import { startSync } from './sync.ts'
import { registerHypervisor, startWatches } from './watches.ts'

const stepSeconds = defineHistogram('kubenova_step_seconds', 'Time of a step of an action.', ['action', 'step'])

const LABELS = { 'compute.kubenova.io/component': 'agent' }

export interface Agent {
  run(signal: AbortSignal): Promise<void>
  /** Each check throws an Error with the reason while the agent cannot do its work. */
  ready: Record<string, () => void>
  pages: Record<string, Page>
}

export async function createAgent(kube: Kube, options: AgentOptions, log: Log): Promise<Agent> {
  return newAgent(await createAgentComponents(kube, options, log))
}

export function newAgent(components: AgentComponents): Agent {
  const { session, facts, informer, options, answerQuestion } = components
  return {
    pages: answerQuestion ? { [QUESTION_PAGE]: answerQuestion } : {},
    ready: {
      libvirt() {
        if (!session.connection) throw new Error(`no connection to ${options.libvirtUri}`)
        if (!facts.known) throw new Error('the host’s capabilities are not known yet')
      },
      servers() {
        if (!informer.hasSynced) throw new Error('waiting for the first list of servers')
      },
      heartbeat() {
        if (!components.heartbeat.current)
          throw new Error('waiting for the API server, or for another agent of this host to end')
        const { otherHolder: rival } = components.heartbeat.current
        if (rival !== undefined) throw new Error(`another agent works as host ${components.hostName}: it is ${rival}`)
        if (isHeartbeatOverdue(components))
          throw new Error('the API server has not taken a heartbeat for so long that this host counts as down')
      },
    },
    run: (signal) => run(components, signal),
  }
}

/** Whether the last heartbeat (renewal of the host's Lease) is so old that the controller counts this host as down. */
const isHeartbeatOverdue = ({ heartbeat, options }: AgentComponents): boolean =>
  (heartbeat.current?.ageMs ?? Infinity) >= options.downAfterSeconds * 1000

async function run(components: AgentComponents, signal: AbortSignal): Promise<void> {
  const { kube, hostName, log, session } = components
  await using closing = new AsyncDisposableStack()
  for (const component of [session, components.storage, components.network, components.host]) closing.use(component)
  const retryOptions = { clock: kube.clock, log, signal }
  const namespaceApi = kube.resource(namespaces)
  const {
    metadata: { uid: cluster = '' },
  } = await retryUntilAvailable(() => namespaceApi.get({ name: 'kube-system' }, { signal }), retryOptions)
  const { id } = closing.use(await components.lockHost({ cluster, host: hostName }, signal))
  await retryUntilAvailable(() => registerHypervisor(components), retryOptions)
  const heartbeatStop = closing.use(createAbortScope([signal]))
  const heartbeat = startHeartbeat({ kube, ...heartbeatOptionsOf(components, id), log }, heartbeatStop.signal)
  components.heartbeat.current = heartbeat
  closing.defer(async () => {
    heartbeatStop.abort()
    await heartbeat.ended
  })
  await rejectOnAbort(heartbeat.acquired, signal)
  // If another agent has taken the Lease, this agent's caches may be outdated, so it must stop. After its restart, it
  // waits for the Lease.
  using scope = createAbortScope([signal, heartbeat.lost])
  await runWhileLeaseIsHeld(components, closing, scope.signal)
  if (!signal.aborted) heartbeat.lost.throwIfAborted()
}

async function runWhileLeaseIsHeld(
  components: AgentComponents,
  closing: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<void> {
  const { kube, options, hostName, log, informer, stores, channels, latestServers, facts, libvirt } = components
  const events = closing.use(createEventRecorder({ kube, controller: 'kubenova.io/agent', instance: hostName, log }))
  const running: RunningReconciles = new Map()
  await startWatches(components, running, signal)
  closing.defer(components.exposeMetrics())
  await informer.synced(signal)
  // If libvirt is unreachable, do not wait for its facts: each Server then reports that it waits for libvirt.
  await rejectOnAbort(Promise.race([components.facts.first.promise, components.libvirt.firstAway.promise]), signal)
  const stopSync = await startSync(components, signal)
  log.info({ host: hostName }, 'agent works')
  const services = {
    deps: depsOf(components, events),
    running,
    latestServers,
    state: () => ({
      areFactsKnown: facts.known !== undefined,
      isLibvirtAway: libvirt.away,
      isHeartbeatOverdue: isHeartbeatOverdue(components),
    }),
  }
  const controller = createServerController(stores.servers.def, options.concurrency)
  try {
    await runControllers([controller], { kube, log, stores, channels, services }, signal)
  } finally {
    stopSync()
  }
}

const heartbeatOptionsOf = (
  { options: { namespace, downAfterSeconds }, hostName, registered }: AgentComponents,
  id: string,
) => ({
  namespace,
  name: hostName,
  identity: `${hostName}_${id}`,
  durationMs: downAfterSeconds * 1000,
  everyMs: (downAfterSeconds * 1000) / 3,
  labels: LABELS,
  owner: () => registered.owner,
})

const attemptOptionsOf = ({ maxAttempts, restartDelaySeconds }: AgentOptions): AttemptOptions => ({
  max: maxAttempts,
  baseMs: 1000,
  maxMs: 60_000,
  restart: { baseMs: restartDelaySeconds * 1000, maxMs: 300_000, calmMs: 600_000 },
})

function depsOf(components: AgentComponents, events: EventRecorder): Deps {
  const { kube, options, hostName, host, servers, latestServers, libvirt } = components
  return {
    hostName,
    host,
    isLibvirtAway: () => libvirt.away,
    servers,
    onWritten: (server) => latestServers.recordWrite(server),
    actions: kube.resource<ServerAction>(resourceDefOf(serverAction)),
    events,
    attempts: createAttempts(attemptOptionsOf(options), () => kube.clock.now()),
    onStep: (action, step, seconds) => kube.metrics.observe(stepSeconds, { action, step }, seconds),
    runs: new ActionRuns(),
    clocks: { monotonic: () => kube.clock.now(), wall: () => kube.clock.wall().toISOString() },
    shutdownTimeout: options.shutdownTimeoutSeconds,
  }
}
