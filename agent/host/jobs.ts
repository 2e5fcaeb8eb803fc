/**
 * Runs long operations in the background, such as image fetches and managed saves. The first call with a job's key
 * starts the job; later calls return its progress.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Progress } from '../../actions/host/index.ts'

export interface JobContext {
  readonly signal: AbortSignal
  /** Reports the job's progress as one sentence. */
  report(progress: string): void
}

interface Job {
  readonly stop: AbortController
  readonly ended: Promise<void>
  progress?: string
  failure?: { readonly error: unknown; readonly at: number }
}

/** If a job ends within this time, the call that started it returns that it is done. */
const START_WAIT_MS = 200
/** Milliseconds until the caller should ask again. (The end of the job requeues the Server at once.) */
const CHECK_MS = 5000
/** Milliseconds until the failure of a job is forgotten. A later request must not get an earlier request's failure. */
const FAILURE_KEPT_MS = 60_000

export class Jobs implements AsyncDisposable {
  readonly #jobs = new Map<string, Job>()
  readonly #onEnd: (uuid: string) => void

  /** @param onEnd called with the domain's UUID when a job for it ends */
  constructor(onEnd: (uuid: string) => void) {
    this.#onEnd = onEnd
  }

  isRunning(key: string): boolean {
    const job = this.#jobs.get(key)
    return job !== undefined && job.failure === undefined
  }

  /**
   * Starts `work` as the job with this key, or returns the progress of the running job. A success is not remembered:
   * `work` must be idempotent and end at once if there is nothing to do.
   * @throws the error of the job if it has failed; only the first call after the failure throws it
   */
  async poll(key: string, uuid: string, work: (context: JobContext) => Promise<void>): Promise<Progress> {
    this.#forgetOldFailures()
    const known = this.#jobs.get(key)
    const job = known ?? this.#start(key, uuid, work)
    if (!known) await waitAtMost(job.ended, START_WAIT_MS)
    if (job.failure) {
      this.#jobs.delete(key)
      throw job.failure.error
    }
    if (this.#jobs.get(key) !== job) return { done: true }
    return {
      done: false,
      checkAfterMs: CHECK_MS,
      ...(job.progress === undefined ? {} : { progress: job.progress }),
    }
  }

  /** Waits until the aborted job has ended. */
  async cancel(key: string): Promise<void> {
    const job = this.#jobs.get(key)
    if (!job) return
    job.stop.abort()
    await job.ended
    this.#jobs.delete(key)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#jobs.keys()].map((key) => this.cancel(key)))
  }

  #start(key: string, uuid: string, work: (context: JobContext) => Promise<void>): Job {
    const stop = new AbortController()
    const ended = Promise.withResolvers<void>()
    const job: Job = { stop, ended: ended.promise }
    this.#jobs.set(key, job)
    const report = (progress: string): void => {
      job.progress = progress
    }
    void work({ signal: stop.signal, report })
      .then(
        () => void this.#jobs.delete(key),
        (error: unknown) => {
          job.failure = { error, at: performance.now() }
        },
      )
      .then(() => {
        ended.resolve()
        this.#onEnd(uuid)
      })
    return job
  }

  #forgetOldFailures(): void {
    const oldest = performance.now() - FAILURE_KEPT_MS
    for (const [key, { failure }] of this.#jobs) if (failure && failure.at < oldest) this.#jobs.delete(key)
  }
}

async function waitAtMost(ended: Promise<void>, ms: number): Promise<void> {
  const timeout = new AbortController()
  await Promise.race([ended, delay(ms, undefined, { signal: timeout.signal }).catch(() => undefined)])
  timeout.abort()
}
