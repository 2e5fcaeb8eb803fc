/** Looks into a Node process from outside, by the protocol of its inspector: what lives on its heap after a full collection, and what keeps it awake. */

interface Answer {
  id?: number
  result?: { result?: { value?: string }; usedSize?: number }
  error?: { message: string }
}

export interface Insight {
  /** MB (10^6 bytes) of objects that are reachable. */
  heap: number
  /** Active handles by type, as process.getActiveResourcesInfo() names them. */
  handles: Record<string, number>
}

const PATIENCE_MS = 60_000

export class Inspector implements AsyncDisposable {
  readonly #socket: WebSocket
  readonly #pending = new Map<number, PromiseWithResolvers<NonNullable<Answer['result']>>>()
  #id = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => this.#answer(JSON.parse(String(data)) as Answer))
    socket.addEventListener('close', () => this.#closed())
  }

  /** Of a process that was started with --inspect=127.0.0.1:PORT. */
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

  /** Collects all garbage first: the process stands still for that long. */
  async look(): Promise<Insight> {
    await this.#call('HeapProfiler.collectGarbage')
    const { usedSize = Number.NaN } = await this.#call('Runtime.getHeapUsage')
    const expression = 'JSON.stringify(process.getActiveResourcesInfo())'
    const { result } = await this.#call('Runtime.evaluate', { expression, returnByValue: true })
    const handles: Record<string, number> = {}
    for (const type of JSON.parse(result?.value ?? '[]') as string[]) handles[type] = (handles[type] ?? 0) + 1
    return { heap: usedSize / 1e6, handles }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close()
  }

  #call(method: string, params: object = {}): Promise<NonNullable<Answer['result']>> {
    const id = ++this.#id
    const waiting = Promise.withResolvers<NonNullable<Answer['result']>>()
    this.#pending.set(id, waiting)
    this.#socket.send(JSON.stringify({ id, method, params }))
    const late = setTimeout(() => waiting.reject(new Error(`${method}: no answer in ${PATIENCE_MS} ms`)), PATIENCE_MS)
    return waiting.promise.finally(() => clearTimeout(late))
  }

  #answer({ id = 0, result = {}, error }: Answer): void {
    const waiting = this.#pending.get(id)
    this.#pending.delete(id)
    if (error) waiting?.reject(new Error(error.message))
    else waiting?.resolve(result)
  }

  #closed(): void {
    for (const { reject } of this.#pending.values()) reject(new Error('the process under inspection has ended'))
    this.#pending.clear()
  }
}
