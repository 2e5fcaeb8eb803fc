type Progress = (bytes: number, total: number | undefined) => void

interface Job<T> {
  promise: Promise<T>
  controller: AbortController
  waiting: number
  progress: Set<Progress>
}

export interface SharedJobContext {
  signal: AbortSignal
  progress: Progress
}

export class SharedJobs<T> {
  readonly #jobs = new Map<string, Job<T>>()

  /** Joins the job with this key, or starts it with `work`. If `signal` aborts first, throws the signal's reason. */
  async run(
    key: string,
    signal: AbortSignal,
    progress: Progress | undefined,
    work: (context: SharedJobContext) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted()
    const job = this.#jobs.get(key) ?? this.#start(key, work)
    job.waiting++
    if (progress !== undefined) job.progress.add(progress)
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      return await Promise.race([job.promise, aborted])
    } finally {
      signal.removeEventListener('abort', abort)
      if (progress !== undefined) job.progress.delete(progress)
      if (--job.waiting === 0) await this.#abortUnfinished(key, job)
    }
  }

  async close(): Promise<void> {
    const jobs = [...this.#jobs.values()]
    for (const job of jobs) job.controller.abort()
    await Promise.allSettled(jobs.map((job) => job.promise))
  }

  #start(key: string, work: (context: SharedJobContext) => Promise<T>): Job<T> {
    const controller = new AbortController()
    const listeners = new Set<Progress>()
    const progress: Progress = (bytes, total) => {
      for (const listener of listeners) listener(bytes, total)
    }
    const promise = work({ signal: controller.signal, progress }).finally(() => this.#forget(key, controller))
    // Callers get the error through run(). Without callers it would be an unhandled rejection.
    promise.catch(() => undefined)
    const job: Job<T> = { promise, controller, waiting: 0, progress: listeners }
    this.#jobs.set(key, job)
    return job
  }

  /** First forgets the job and then aborts the job, so that a new caller starts a new one. */
  async #abortUnfinished(key: string, { controller, promise }: Job<T>): Promise<void> {
    if (this.#jobs.get(key)?.controller !== controller) return
    this.#jobs.delete(key)
    controller.abort()
    await promise.catch(() => undefined)
  }

  #forget(key: string, controller: AbortController): void {
    if (this.#jobs.get(key)?.controller === controller) this.#jobs.delete(key)
  }
}
