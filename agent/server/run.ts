/** Runs the steps of an action, one after the other, and says how it went. */
import { runStep } from '../../actions/action.ts'
import type { Guest, Host } from '../../actions/host/index.ts'
import { actions } from '../../actions/index.ts'
import { explain, isOurs } from '../../crds/index.ts'
import { diskFull } from '../image/files.ts'
import type { Planned } from './plan.ts'
import type { Failure } from './status.ts'

export interface RunOptions {
  host: Host
  guest: Guest
  signal: AbortSignal
  progress(message: string): void
  onStep(name: string, seconds: number): void
  shutdownTimeout: number
}

/** Undefined: all steps are done. */
export async function runAction(planned: Planned, options: RunOptions): Promise<Failure | undefined> {
  const { host, guest, signal, progress, onStep, shutdownTimeout } = options
  const { id, params } = planned
  for (const step of actions[planned.action].steps) {
    const started = performance.now()
    try {
      signal.throwIfAborted()
      await runStep(step, { host, guest, params, bootId: id, signal, progress, shutdownTimeout })
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

/** QEMU may say a lot; a record takes 8192 bytes. */
const LONGEST = 2000

/** What an error of a step means for the server: only Terminal and Refused are final at once. */
export function failureOf(step: string, thrown: unknown): Failure {
  // Files are written in many places; a full disk is said alike wherever it was met.
  const error = diskFull(thrown, 'the server')
  const message = `${step}: ${explain(error)}`.slice(0, LONGEST)
  if (!isOurs(error)) return { code: 'Unexpected', message, final: false }
  return { code: error.code, message, final: error.kind === 'Terminal' || error.kind === 'Refused' }
}
