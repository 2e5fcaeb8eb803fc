/** Asks guests to power off, without waiting for libvirtd's answer. */

/** Nova asks a guest again this often (SHUTDOWN_RETRY_INTERVAL), because a guest that is still booting cannot react. */
const ASK_AGAIN_MS = 10_000

interface Request {
  at: number
  isAnswered: boolean
}

export class ShutdownRequests {
  readonly #requests = new Map<string, Request>()

  /**
   * Calls `ask`, unless it was called for this Server less than ten seconds ago or has not been answered yet. A guest
   * agent that ignores the request, or a QEMU that hangs, keeps libvirtd busy for a minute and more. The caller needs
   * no answer, because it observes whether the domain goes off. Errors of `ask` are therefore ignored.
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

  /**
   * Forgets the last request to a Server's guest. Called when the domain boots anew, because the new guest has not been
   * asked.
   */
  forget(uid: string): void {
    this.#requests.delete(uid)
  }

  #forgetOldRequests(): void {
    const oldest = performance.now() - ASK_AGAIN_MS
    for (const [uid, { at, isAnswered }] of this.#requests) if (isAnswered && at <= oldest) this.#requests.delete(uid)
  }
}
