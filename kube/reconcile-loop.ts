// The generic loop: take a key, reconcile it, turn the outcome into a call of the queue; nothing a reconciler does ends the loop.
import { createAbortScope } from './abort.ts'
import { type Clock, systemClock } from './clock.ts'
import { isConflict } from './errors.ts'
import { type Log, noLog } from './log.ts'
import { createMetrics, defineCounter, defineGauge, defineHistogram, type Metrics } from './metrics.ts'
import { done, type Outcome } from './outcome.ts'
import type { Item, WorkQueue } from './queue.ts'
import type { Priority } from './ready-list.ts'
import { Slots } from './slots.ts'

const total = defineCounter('controller_runtime_reconcile_total', 'Reconciles, by controller and result.', [
  'controller',
  'result',
])
const errors = defineCounter('controller_runtime_reconcile_errors_total', 'Reconciles that threw.', ['controller'])
const terminal = defineCounter(
  'controller_runtime_terminal_reconcile_errors_total',
  'Reconciles that ended in `failed`.',
  ['controller'],
)
const panics = defineCounter(
  'controller_runtime_reconcile_panics_total',
  'Reconciles that threw a programming error.',
  ['controller'],
)
const timeouts = defineCounter('controller_runtime_reconcile_timeouts_total', 'Reconciles that ran out of time.', [
  'controller',
])
const seconds = defineHistogram('controller_runtime_reconcile_time_seconds', 'Time of a reconcile.', ['controller'])
const workers = defineGauge('controller_runtime_active_workers', 'Workers in use.', ['controller'])
const limit = defineGauge('controller_runtime_max_concurrent_reconciles', 'Workers there are.', ['controller'])

export interface ReconcileContext {
  /** Aborted when the loop is told to stop and its patience ends, and when this reconcile runs out of time. */
  signal: AbortSignal
  log: Log
  priority: Priority
  /** 1 for a first try; grows with each failure in a row. */
  attempt: number
  /** Runs what only waits, and lets another key be worked on meanwhile. */
  aside<T>(wait: () => Promise<T>): Promise<T>
}
/** Undefined is `done`. */
export type Reconcile = (key: string, context: ReconcileContext) => Promise<Outcome | undefined | void>

export interface LoopOptions {
  name: string
  queue: WorkQueue
  reconcile: Reconcile
  /** Keys worked on at the same time (1). */
  concurrency?: number | undefined
  /** Bound of one reconcile in ms (60 000): its signal aborts; what ignores its signal keeps its key. */
  timeoutMs?: number | undefined
  /** After the stop signal, reconciles under way get this many ms to end by themselves (10 000) before theirs aborts. */
  drainMs?: number | undefined
  log?: Log | undefined
  metrics?: Metrics | undefined
  clock?: Clock | undefined
}

/** A reconciler that keeps answering `changed` is fighting someone: from here on it backs off like a failure. */
const CHANGES_IN_A_ROW = 10
/** Shortest wait after a programming error: only a new release will help, or a change of the object. */
const BUG_MS = 30_000

/** Runs until `signal` aborts, then takes no further key and resolves when the work under way has ended. */
export async function runReconcileLoop(options: LoopOptions, signal: AbortSignal): Promise<void> {
  const { name, queue, concurrency = 1, drainMs = 10_000, metrics = createMetrics(), clock = systemClock } = options
  metrics.set(limit, { controller: name }, concurrency)
  const cut = new AbortController()
  let cancelDrain = (): void => undefined
  const stop = (): void => {
    queue.close()
    cancelDrain = clock.timer(drainMs, () => cut.abort(signal.reason))
  }
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  const slots = new Slots(concurrency)
  const worker = createWorker(options, metrics, clock, { cut: cut.signal, slots })
  const underWay = new Set<Promise<void>>()
  // The key before the place: a place that waits for a key would be missed by those that have stepped aside.
  for (let item = await queue.take(); item; item = await queue.take()) {
    await slots.take()
    if (signal.aborted) {
      slots.give()
      queue.done(item.key)
      break
    }
    metrics.set(workers, { controller: name }, queue.active)
    const work = worker(item).finally(() => {
      metrics.set(workers, { controller: name }, queue.active)
      underWay.delete(work)
      slots.give()
    })
    underWay.add(work)
  }
  await Promise.all(underWay)
  cancelDrain()
  signal.removeEventListener('abort', stop)
}

type Worker = (item: Item) => Promise<void>

interface Bounds {
  cut: AbortSignal
  slots: Slots
}

function createWorker(options: LoopOptions, metrics: Metrics, clock: Clock, { cut, slots }: Bounds): Worker {
  const { name: controller, queue, reconcile, timeoutMs = 60_000 } = options
  const root = (options.log ?? noLog).child({ controller })
  const changes = new Map<string, number>()
  const aside = <T>(wait: () => Promise<T>): Promise<T> => slots.aside(wait)
  return async ({ key, priority, failures }) => {
    const log = root.child({ key, attempt: failures + 1 })
    using scope = createAbortScope([cut])
    let late = false
    const cancel = clock.timer(timeoutMs, () => {
      late = true
      scope.abort(new Error(`${key}: not done in ${timeoutMs} ms`))
    })
    const started = clock.now()
    const { signal } = scope
    try {
      const outcome = (await reconcile(key, { signal, log, priority, attempt: failures + 1, aside })) ?? done
      const row = outcome.kind === 'changed' ? (changes.get(key) ?? 0) + 1 : 0
      if (row === 0) changes.delete(key)
      else changes.set(key, row)
      const result = settle(queue, key, outcome, row, priority)
      metrics.inc(total, { controller, result })
      if (outcome.kind === 'failed') {
        metrics.inc(terminal, { controller })
        log.warn({ reason: outcome.reason, detail: outcome.message }, 'cannot be reconciled')
      }
    } catch (err) {
      metrics.inc(total, { controller, result: 'error' })
      metrics.inc(errors, { controller })
      if (late) metrics.inc(timeouts, { controller })
      if (isBug(err)) metrics.inc(panics, { controller })
      if (isFinal(err)) {
        metrics.inc(terminal, { controller })
        queue.forget(key)
        log.warn({ err }, 'cannot be reconciled')
      } else report(log, err, queue.retry(key, { priority, atLeast: isBug(err) ? BUG_MS : 0 }))
    } finally {
      cancel()
      metrics.observe(seconds, { controller }, (clock.now() - started) / 1000)
      queue.done(key)
    }
  }
}

type Result = 'success' | 'requeue' | 'requeue_after' | 'error'

/** The only place where an outcome becomes a call of the queue. */
export function settle(
  queue: WorkQueue,
  key: string,
  outcome: Outcome,
  changesInARow: number,
  priority: Priority,
): Result {
  switch (outcome.kind) {
    case 'done':
      queue.forget(key)
      return 'success'
    case 'failed':
      queue.forget(key)
      return 'error'
    case 'wait':
      queue.forget(key)
      if (outcome.recheckAfter === undefined) return 'success'
      queue.add(key, { priority: 'normal', after: outcome.recheckAfter })
      return 'requeue_after'
    case 'changed':
      if (changesInARow > CHANGES_IN_A_ROW) queue.retry(key, { priority })
      else {
        queue.forget(key)
        queue.add(key, { priority })
      }
      return 'requeue'
  }
}

/** What JavaScript throws for mistakes in the program, and an assertion of ours (class Bug). */
const isBug = (error: unknown): boolean =>
  error instanceof TypeError ||
  error instanceof RangeError ||
  error instanceof ReferenceError ||
  error instanceof SyntaxError ||
  (error instanceof Error && (error.name === 'Bug' || error.name === 'AssertionError'))

/** `Refused` and `Terminal` of crds/errors.ts: the same again would end the same. Told by shape, so that this package needs no class of theirs. */
const isFinal = (error: unknown): boolean =>
  error instanceof Error && 'kind' in error && (error.kind === 'Refused' || error.kind === 'Terminal')

function report(log: Log, err: unknown, retryMs: number): void {
  if (isBug(err)) log.error({ err, retryMs }, 'reconciler has a bug')
  else if (isConflict(err)) log.debug({ err, retryMs }, 'someone else wrote first')
  else log.warn({ err, retryMs }, 'reconcile failed')
}
