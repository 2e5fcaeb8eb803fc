/**
 * Milliseconds before a guest is asked again to power off, because a guest that was booting may have missed the first
 * request (Nova's SHUTDOWN_RETRY_INTERVAL).
 */
const ASK_AGAIN_MS = 10_000

interface Request {
  at: number
  isAnswered: boolean
}

export class ShutdownRequests {
  readonly #requests = new Map<string, Request>()

  /**
   * Calls `ask`, unless the last call for this Server still runs or is less than ten seconds old. Does not wait,
   * because a hung guest agent or QEMU can block libvirtd for a minute. Ignores errors, because the caller observes
   * whether the domain powers off.
   */
  send(uid: string, ask: () => Promise<void>): void {
    this.#forgetOldRequests()
    if (this.#requests.has(uid)) return
    const request: Request = { at: performance.now(), isAnswered: false }
    this.#requests.set(uid, request)
    const answered = (): void => {
      request.isAnswered = true
    }
    void ask().then(answered, answered)
  }

  /** Called at each boot, because the last request was meant for the guest before this boot. */
  forget(uid: string): void {
    this.#requests.delete(uid)
  }

  #forgetOldRequests(): void {
    const oldest = performance.now() - ASK_AGAIN_MS
    for (const [uid, { at, isAnswered }] of this.#requests) if (isAnswered && at <= oldest) this.#requests.delete(uid)
  }
}
