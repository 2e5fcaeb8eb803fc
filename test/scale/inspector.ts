interface Answer {
  id?: number
  result?: { result?: { value?: string } }
  error?: { message: string }
}

export interface HeapReport {
  /**
   * Reachable objects in MB (10^6 bytes), without compiled code. Code grows without a leak: it was 0.4 of the 0.53 MB
   * by which 40 agents grew in 19 minutes.
   */
  heapMB: number
  /** Number of active handles by type, as in process.getActiveResourcesInfo(). */
  handles: Record<string, number>
}

const ANSWER_TIMEOUT_MS = 60_000

/** The inspected process evaluates this expression. It leaves out V8's heap spaces for code. */
const HEAP_EXPRESSION = `(() => {
  const data = process.getBuiltinModule('node:v8').getHeapSpaceStatistics().filter(({ space_name }) => !/code|trusted/.test(space_name))
  const heap = data.reduce((sum, { space_used_size }) => sum + space_used_size, 0)
  return JSON.stringify({ heap, resources: process.getActiveResourcesInfo() })
})()`

export class Inspector implements AsyncDisposable {
  readonly #socket: WebSocket
  readonly #pending = new Map<number, PromiseWithResolvers<NonNullable<Answer['result']>>>()
  #id = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => this.#handleAnswer(JSON.parse(String(data)) as Answer))
    socket.addEventListener('close', () => this.#rejectPending())
  }

  /** The process must run with the flag --inspect=127.0.0.1:PORT. */
  static async connect(port: number): Promise<Inspector> {
    const response = await fetch(`http://127.0.0.1:${port}/json/list`)
    const [target] = (await response.json()) as { webSocketDebuggerUrl: string }[]
    const socket = new WebSocket(target?.webSocketDebuggerUrl ?? '')
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true })
      socket.addEventListener('error', () => reject(new Error(`no inspector at port ${port}`)), { once: true })
    })
    return new Inspector(socket)
  }

  /** Pauses the process for a full garbage collection before it measures. */
  async inspectHeap(): Promise<HeapReport> {
    await this.#call('HeapProfiler.collectGarbage')
    const { result } = await this.#call('Runtime.evaluate', { expression: HEAP_EXPRESSION, returnByValue: true })
    const { heap, resources } = JSON.parse(result?.value ?? '') as { heap: number; resources: string[] }
    const handles: Record<string, number> = {}
    for (const type of resources) handles[type] = (handles[type] ?? 0) + 1
    return { heapMB: heap / 1e6, handles }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close()
  }

  #call(method: string, params: object = {}): Promise<NonNullable<Answer['result']>> {
    const id = ++this.#id
    const waiting = Promise.withResolvers<NonNullable<Answer['result']>>()
    this.#pending.set(id, waiting)
    this.#socket.send(JSON.stringify({ id, method, params }))
    const late = setTimeout(
      () => waiting.reject(new Error(`${method}: no answer in ${ANSWER_TIMEOUT_MS} ms`)),
      ANSWER_TIMEOUT_MS,
    )
    return waiting.promise.finally(() => clearTimeout(late))
  }

  #handleAnswer({ id = 0, result = {}, error }: Answer): void {
    const waiting = this.#pending.get(id)
    this.#pending.delete(id)
    if (error) waiting?.reject(new Error(error.message))
    else waiting?.resolve(result)
  }

  #rejectPending(): void {
    for (const { reject } of this.#pending.values()) reject(new Error('the process under inspection has ended'))
    this.#pending.clear()
  }
}
