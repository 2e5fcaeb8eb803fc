/** Requests to guests to power off, each made without waiting for libvirtd's answer. */

/** As often as Nova asks a guest again (SHUTDOWN_RETRY_INTERVAL): a guest that is still booting cannot react. */
const ASK_AGAIN_MS = 10_000

interface Request {
  at: number
  isAnswered: boolean
}

export class ShutdownRequests {
  readonly #requests = new Map<string, Request>()

  /**
   * Calls `ask`, unless it was called for this Server less than ten seconds ago or has not been answered yet. A guest
   * agent that ignores the request, or a QEMU that hangs, keeps libvirtd busy for a minute and more; its answer does
   * not matter, only whether the domain goes off. Errors of `ask` are therefore ignored.
   */
  send(uid: string, ask: () => Promise<void>): void {
    this.#forgetOld()
    if (this.#requests.has(uid)) return
    const request: Request = { at: performance.now(), isAnswered: false }
    this.#requests.set(uid, request)
    const answered = (): void => {
      request.isAnswered = true
    }
    void ask().then(answered, answered)
  }

  /** The domain boots anew: its guest has not been asked. */
  forget(uid: string): void {
    this.#requests.delete(uid)
  }

  #forgetOld(): void {
    const oldest = performance.now() - ASK_AGAIN_MS
    for (const [uid, { at, isAnswered }] of this.#requests) if (isAnswered && at <= oldest) this.#requests.delete(uid)
  }
}
