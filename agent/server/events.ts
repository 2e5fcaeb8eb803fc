import { createAbortScope } from '../../kube/abort.ts'
import type { Clock } from '../../kube/clock.ts'

/** libvirt's events about our servers' domains: they wake who waits for one, and bring its server back to the queue. */
export class DomainWatch {
  readonly #waiting = new Map<string, Set<() => void>>()
  readonly #woken: (uuid: string) => void

  /** @param woken called for each event, with the domain's uuid */
  constructor(woken: (uuid: string) => void) {
    this.#woken = woken
  }

  /** Something happened to this domain. */
  notify(uuid: string): void {
    for (const wake of this.#waiting.get(uuid) ?? []) wake()
    this.#woken(uuid)
  }

  /** Resolves at the next event of this domain; also, quietly, when `signal` aborts. */
  next(uuid: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const wakers = this.#waiting.get(uuid) ?? new Set()
    this.#waiting.set(uuid, wakers)
    const end = (): void => {
      wakers.delete(end)
      if (wakers.size === 0) this.#waiting.delete(uuid)
      signal.removeEventListener('abort', end)
      resolve()
    }
    wakers.add(end)
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    return promise
  }

  /** Resolves at the next event of this domain, at the latest after `ms`. @throws the signal's reason when it aborts */
  async nextWithin(uuid: string, ms: number, { clock, signal }: { clock: Clock; signal: AbortSignal }): Promise<void> {
    using ended = createAbortScope([signal])
    const over = clock.sleep(ms, ended.signal).catch(() => undefined)
    await Promise.race([this.next(uuid, ended.signal), over])
    ended.abort()
    signal.throwIfAborted()
  }
}
