import { serverAction } from '../../actions/index.ts'
import { type Hypervisor, hypervisor, type Server, type ServerAction, server } from '../../crds/index.ts'
import type { Call } from '../fakes/life.ts'
import type { Cloud, ProcessSlot } from './cloud.ts'
import { type OperationContext, type OperationTable, USER } from './operation-context.ts'
import type { FaultOperation } from './plan.ts'

/**
 * Matches calls whose names begin with `prefix`, such as `applyStatus`.
 * @param slot name of the controller or agent that makes the call; it stays the same when the process is restarted
 */
export const matchesCall =
  (slot: string, prefix: string) =>
  (process: { name: string }, call: Call): boolean =>
    process.name === slot && call.name.startsWith(prefix)

export const killProcess = (cloud: Cloud, slot: string, restartMs: number): void =>
  withSlot(cloud, slot, (found) => cloud.kill(found, restartMs))

export const faultOperations: OperationTable<FaultOperation> = {
  'fail api': ({ cloud }, { slot, verb, fault, times }) => cloud.faults.failApi(matchesCall(slot, verb), fault, times),
  'conflicting write': (context, { slot, verb, times }) =>
    context.cloud.faults.intercept(matchesCall(slot, verb), (call) => changeObjectOf(call, context), times),
  'fail host': ({ cloud }, { host, step, fault, times }) =>
    cloud.faults.failHost(matchesCall(host, step), fault, times),
  'stop api'(context, { ms }) {
    breakAllWatches(context.cloud)
    context.cloud.faults.isApiDown = true
    context.endAfter(ms, () => {
      context.cloud.faults.isApiDown = false
    })
  },
  'restart api': ({ cloud }) => breakAllWatches(cloud),
  'compact etcd'({ cloud }) {
    cloud.api.compact()
    breakAllWatches(cloud)
  },
  'break watches'({ cloud }, { slot }) {
    for (const stream of cloud.streams) if (stream.processName === slot) stream.break()
  },
  'silence watches': ({ cloud }, { slot }) => silenceWatches(cloud, slot),
  kill: ({ cloud }, { slot, ms }) => killProcess(cloud, slot, ms),
  stop: ({ cloud }, { slot }) => withSlot(cloud, slot, (found) => cloud.stop(found)),
  freeze: (context, { slot, ms }) =>
    withSlot(context.cloud, slot, ({ process }) => {
      process?.freeze()
      context.endAfter(ms, () => process?.thaw())
    }),
  disconnect(context, { slot, ms }) {
    const { cloud } = context
    cloud.faults.setDisconnected(slot, true)
    silenceWatches(cloud, slot)
    context.endAfter(ms, () => cloud.faults.setDisconnected(slot, false))
  },
  'delay messages'(context, { slot, weight, ms }) {
    const queues = [...context.cloud.schedule.queues].filter(({ name }) => name.startsWith(`${slot} `))
    const weights = queues.map((queue) => queue.weight)
    for (const queue of queues) queue.weight = weight
    context.endAfter(ms, () => {
      for (const [i, queue] of queues.entries()) queue.weight = weights[i] ?? 1
    })
  },
  'skew clock': ({ cloud }, { slot, ms }) =>
    withSlot(cloud, slot, ({ process }) => {
      if (process) process.clock.skewMs = ms
    }),
  'end domain'({ cloud }, { host, reason }) {
    const found = cloud.host(host)
    const [uid] = found?.runningServers() ?? []
    if (uid !== undefined) found?.stopDomainUnexpectedly(uid, reason)
  },
  'ignore shutdown'(context, { name }) {
    const { metadata, status } = context.findServer(name) ?? {}
    const host = context.cloud.host(status?.host ?? '')
    if (metadata?.uid !== undefined && host) host.machines.machine(metadata.uid).obeysPowerButton = false
  },
  'power off host': (context, operation) => powerOffHost(context, operation),
}

/**
 * Changes a label of the object that `call` is about to write. If `call` gives a resourceVersion, it then fails with a
 * conflict.
 */
function changeObjectOf(call: Call, context: OperationContext): void {
  const [, plural = '', key = ''] = /^\w+ ([a-z]+)\/(.+)$/.exec(call.name) ?? []
  const [namespace = '', name = ''] = key.split('/')
  const patch = { metadata: { labels: { touched: `${context.cloud.api.version}` } } }
  const ignoreError = (): undefined => undefined
  if (plural === 'servers')
    context.resourceOf<Server>(server).patch({ namespace, name }, patch, USER).catch(ignoreError)
  if (plural === 'serveractions')
    context.resourceOf<ServerAction>(serverAction).patch({ namespace, name }, patch, USER).catch(ignoreError)
}

function breakAllWatches({ streams }: Cloud): void {
  for (const stream of streams) stream.break()
}

function silenceWatches({ streams }: Cloud, slot: string): void {
  for (const stream of streams) if (stream.processName === slot) stream.silence()
}

function withSlot(cloud: Cloud, name: string, act: (slot: ProcessSlot) => void): void {
  const slot = cloud.slot(name)
  if (slot) act(slot)
}

/**
 * For `ms` milliseconds, the host's agent and all its domains are off. If `isForcedDown`, an operator also sets
 * spec.forcedDown of the Hypervisor during this time.
 */
function powerOffHost(
  context: OperationContext,
  { host, ms, isForcedDown }: Extract<FaultOperation, { do: 'power off host' }>,
): void {
  const { cloud } = context
  const [slot, found] = [cloud.slot(host), cloud.host(host)]
  if (!slot || !found || slot.isHostOff) return
  slot.isHostOff = true
  cloud.kill(slot, 0)
  for (const uid of found.runningServers()) found.stopDomainUnexpectedly(uid, 'unknown')
  found.machines.losePower()
  const setForcedDown = (forcedDown: boolean): void => {
    if (!isForcedDown) return
    context
      .resourceOf<Hypervisor>(hypervisor)
      .patch({ name: host }, { spec: { forcedDown } }, USER)
      .catch(() => undefined)
  }
  setForcedDown(true)
  context.endAfter(ms, () => {
    slot.isHostOff = false
    cloud.start(slot)
    setForcedDown(false)
  })
}
