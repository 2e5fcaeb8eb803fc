/** Runs the steps of an action, one after the other, and says how it went. */
import { runStep, type Step, type StepInput } from '../../actions/action.ts'
import type { Guest, Host } from '../../actions/host/index.ts'
import { actions } from '../../actions/index.ts'
import { explain, isOurs } from '../../crds/index.ts'
import { toDiskFull } from '../files/errors.ts'
import type { Planned } from './plan.ts'
import type { Failure } from './status.ts'

export interface RunOptions {
  host: Host
  guest: Guest
  signal: AbortSignal
  progress(message: string): void
  /** Monotonic milliseconds. */
  now(): number
  /** Resolves when the domain may have changed, at the latest after `ms`. */
  wait(ms: number): Promise<void>
  onStep(name: string, seconds: number): void
  shutdownTimeout: number
}

/** Undefined: all steps are done. */
export async function runAction(planned: Planned, options: RunOptions): Promise<Failure | undefined> {
  const { host, guest, signal, onStep, shutdownTimeout } = options
  const { id, params } = planned
  for (const step of actions[planned.action].steps) {
    const started = performance.now()
    try {
      signal.throwIfAborted()
      await runToEnd(step, { host, guest, params, bootId: id, signal, shutdownTimeout }, options)
    } catch (error) {
      // Told to stop, for the server is to be deleted or the agent ends: not a failure of the action.
      if (signal.aborted) throw signal.reason
      return failureOf(step.name, error)
    } finally {
      onStep(step.name, (performance.now() - started) / 1000)
    }
  }
  return undefined
}

async function runToEnd<P>(
  step: Step<P>,
  input: Omit<StepInput<P>, 'elapsedMs'>,
  { signal, progress, now, wait }: RunOptions,
): Promise<void> {
  const started = now()
  for (;;) {
    const result = await runStep(step, { ...input, elapsedMs: now() - started })
    if (result.done) return
    if (result.progress !== undefined) progress(result.progress)
    await wait(result.checkAfterMs)
    signal.throwIfAborted()
  }
}

/** QEMU may say a lot; a record takes 8192 bytes. */
const LONGEST = 2000

/** What an error of a step means for the server: only Terminal and Refused are final at once. */
export function failureOf(step: string, thrown: unknown): Failure {
  // Files are written in many places; a full disk is said alike wherever it was met.
  const error = toDiskFull(thrown, 'the server')
  const message = `${step}: ${explain(error)}`.slice(0, LONGEST)
  if (!isOurs(error)) return { code: 'Unexpected', message, final: false }
  return { code: error.code, message, final: error.kind === 'Terminal' || error.kind === 'Refused' }
}
