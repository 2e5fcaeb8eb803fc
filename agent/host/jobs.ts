/**
 * Runs long operations on the host, such as image fetches, disk copies, starts and managed saves. Each is started once;
 * every further call returns its progress.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Progress } from '../../actions/host/index.ts'

export interface JobContext {
  /** Aborts when the job is cancelled or the agent stops. */
  readonly signal: AbortSignal
  /** Reports how far the job is: one sentence. */
  report(progress: string): void
}

interface Job {
  readonly stop: AbortController
  readonly ended: Promise<void>
  progress?: string
  failure?: { readonly error: unknown; readonly at: number }
}

/** A job that ends within this time is reported as done by the call that starts it. */
const START_WAIT_MS = 200
/** Time until the next check, unless the end of the job requeues the Server earlier: how often progress is reported. */
const CHECK_MS = 5000
/** A failure that no call has asked for in this time is forgotten, so that it does not fail a later request. */
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
   * Starts `work`, or joins the job with this key. `work` must be idempotent and end at once if there is nothing to do:
   * the success of a job is not remembered, and the call after it does `work` again.
   * @throws the failure of the job, once
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

/** Waits until the job has ended, but not longer than `ms`. */
async function waitAtMost(ended: Promise<void>, ms: number): Promise<void> {
  const timeout = new AbortController()
  await Promise.race([ended, delay(ms, undefined, { signal: timeout.signal }).catch(() => undefined)])
  timeout.abort()
}
