/**
 * Runs long operations in the background, such as image fetches, disk copies, starts and managed saves. Each operation
 * is a job with a key. The first call with a key starts the job; later calls return its progress.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Progress } from '../../actions/host/index.ts'

export interface JobContext {
  /** Aborts when the job is cancelled or the agent stops. */
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

/** The call that starts a job waits this long. If the job ends in this time, the call returns that the job is done. */
const START_WAIT_MS = 200
/**
 * The time after which the caller should ask for the progress again. (The end of the job requeues the Server at once.)
 */
const CHECK_MS = 5000
/**
 * Milliseconds for which a job's failure is kept if no call asks for it. An older failure is dropped. Otherwise the
 * first call of a new request would get the failure of an old one.
 */
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
   * Starts `work` as the job with this key. If the job runs already, returns its progress. A success is not remembered,
   * so the next call runs `work` again: `work` must be idempotent and end at once if there is nothing to do.
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

  /** Aborts the job, if there is one, and waits until it has ended. */
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

/** Waits until the job has ended, but at most `ms` milliseconds. */
async function waitAtMost(ended: Promise<void>, ms: number): Promise<void> {
  const timeout = new AbortController()
  await Promise.race([ended, delay(ms, undefined, { signal: timeout.signal }).catch(() => undefined)])
  timeout.abort()
}
