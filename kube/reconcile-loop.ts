// An error of a reconcile never ends the loop.
import { createAbortScope } from './abort.ts'
import { type Clock, systemClock } from './clock.ts'
import { isConflict } from './errors.ts'
import { type Log, noLog } from './log.ts'
import { createMetrics, defineCounter, defineGauge, defineHistogram, type Metrics } from './metrics.ts'
import { done, type Outcome } from './outcome.ts'
import type { Item, WorkQueue } from './queue.ts'
import type { Priority } from './ready-list.ts'

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
const timeouts = defineCounter(
  'controller_runtime_reconcile_timeouts_total',
  'Reconciles that exceeded their time limit.',
  ['controller'],
)
const seconds = defineHistogram('controller_runtime_reconcile_time_seconds', 'Time of a reconcile.', ['controller'])
const workers = defineGauge('controller_runtime_active_workers', 'Workers in use.', ['controller'])
const limit = defineGauge('controller_runtime_max_concurrent_reconciles', 'Number of workers.', ['controller'])

export interface ReconcileContext {
  /** Aborts at the time limit of this reconcile, and `drainMs` after the loop was stopped. */
  signal: AbortSignal
  log: Log
  priority: Priority
  /** 1 for the first attempt, one more after each failure in a row. */
  attempt: number
}
/** Reconciles a key. If it resolves to undefined, the outcome is `done`. */
export type Reconcile = (key: string, context: ReconcileContext) => Promise<Outcome | undefined | void>

export interface LoopOptions {
  name: string
  queue: WorkQueue
  reconcile: Reconcile
  concurrency?: number | undefined
  /** Milliseconds after which the signal of a reconcile aborts; 60 000 by default. */
  timeoutMs?: number | undefined
  /** After the stop, the signals of reconciles under way abort after this many ms; 10 000 by default. */
  drainMs?: number | undefined
  log?: Log | undefined
  metrics?: Metrics | undefined
  clock?: Clock | undefined
}

/**
 * After more `changed` outcomes in a row, a key backs off as after a failure: probably two writers undo each other's
 * changes.
 */
const MAX_CHANGES_IN_A_ROW = 10
/**
 * Shortest delay in ms before a retry after a programming error, which only a new release or a changed object can mend.
 */
const BUG_RETRY_MS = 30_000

/** Runs until `signal` aborts. Then it takes no further key, and resolves when the reconciles under way have ended. */
export async function runReconcileLoop(options: LoopOptions, signal: AbortSignal): Promise<void> {
  const { name, queue, concurrency = 1, drainMs = 10_000, metrics = createMetrics(), clock = systemClock } = options
  metrics.set(limit, { controller: name }, concurrency)
  const drainEnded = new AbortController()
  let cancelDrain = (): void => undefined
  const stop = (): void => {
    queue.close()
    cancelDrain = clock.timer(drainMs, () => drainEnded.abort(signal.reason))
  }
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  const reconcileItem = createWorker(options, metrics, clock, drainEnded.signal)
  const work = async (): Promise<void> => {
    for (let item = await queue.take(); item; item = await queue.take()) {
      metrics.set(workers, { controller: name }, queue.active)
      await reconcileItem(item)
      metrics.set(workers, { controller: name }, queue.active)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  cancelDrain()
  signal.removeEventListener('abort', stop)
}

type Worker = (item: Item) => Promise<void>

/** @param drainEnded aborts when reconciles under way must end */
function createWorker(options: LoopOptions, metrics: Metrics, clock: Clock, drainEnded: AbortSignal): Worker {
  const { name: controller, queue, reconcile, timeoutMs = 60_000 } = options
  const root = (options.log ?? noLog).child({ controller })
  const changes = new Map<string, number>()
  return async ({ key, priority, failures }) => {
    const log = root.child({ key, attempt: failures + 1 })
    using scope = createAbortScope([drainEnded])
    let isTimedOut = false
    const cancel = clock.timer(timeoutMs, () => {
      isTimedOut = true
      scope.abort(new Error(`${key}: not done in ${timeoutMs} ms`))
    })
    const started = clock.now()
    const { signal } = scope
    try {
      const outcome = (await reconcile(key, { signal, log, priority, attempt: failures + 1 })) ?? done
      const changesInARow = outcome.kind === 'changed' ? (changes.get(key) ?? 0) + 1 : 0
      if (changesInARow === 0) changes.delete(key)
      else changes.set(key, changesInARow)
      const result = applyOutcome(queue, key, outcome, changesInARow, priority)
      metrics.inc(total, { controller, result })
      if (outcome.kind === 'failed') {
        metrics.inc(terminal, { controller })
        log.warn({ reason: outcome.reason, detail: outcome.message }, 'cannot be reconciled')
      }
    } catch (err) {
      metrics.inc(total, { controller, result: 'error' })
      metrics.inc(errors, { controller })
      if (isTimedOut) metrics.inc(timeouts, { controller })
      if (isBug(err)) metrics.inc(panics, { controller })
      if (isTerminal(err)) {
        metrics.inc(terminal, { controller })
        queue.forget(key)
        log.warn({ err }, 'cannot be reconciled')
      } else logError(log, err, queue.retry(key, { priority, atLeast: isBug(err) ? BUG_RETRY_MS : 0 }))
    } finally {
      cancel()
      metrics.observe(seconds, { controller }, (clock.now() - started) / 1000)
      queue.done(key)
    }
  }
}

type Result = 'success' | 'requeue' | 'requeue_after' | 'error'

/** Returns the value of the metric's label `result`. */
function applyOutcome(
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
      if (changesInARow > MAX_CHANGES_IN_A_ROW) queue.retry(key, { priority })
      else {
        queue.forget(key)
        queue.add(key, { priority })
      }
      return 'requeue'
  }
}

const isBug = (error: unknown): boolean =>
  error instanceof TypeError ||
  error instanceof RangeError ||
  error instanceof ReferenceError ||
  error instanceof SyntaxError ||
  (error instanceof Error && (error.name === 'Bug' || error.name === 'AssertionError'))

/** A retry would fail in the same way. */
const isTerminal = (error: unknown): boolean =>
  error instanceof Error && 'kind' in error && (error.kind === 'Refused' || error.kind === 'Terminal')

function logError(log: Log, err: unknown, retryMs: number): void {
  if (isBug(err)) log.error({ err, retryMs }, 'reconciler has a bug')
  else if (isConflict(err)) log.debug({ err, retryMs }, 'another writer was faster')
  else log.warn({ err, retryMs }, 'reconcile failed')
}
