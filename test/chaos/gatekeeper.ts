// Runs in the test process and answers agent and controller, which wait before and after each effect (gate.ts). Each
// such moment is a point. The gatekeeper numbers the points and calls the test's watcher; agent or controller goes on
// when the watcher's promise has resolved.
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { GateRequest } from './gate.ts'

/**
 * The moment before or after one step. `nth`: 1 when the process reaches this moment for the first time, 2 for the
 * second time, …
 */
export interface Point extends GateRequest {
  nth: number
}

export const nameOf = ({ part, when, step, nth }: Point): string =>
  `${part}: ${when} ${step}${nth > 1 ? ` (${nth})` : ''}`

/** The agent or controller waits until the promise resolves. */
export type Watcher = (point: Point) => Promise<void> | void

export class Gatekeeper implements AsyncDisposable {
  readonly #listener: Server
  readonly #sockets = new Set<Socket>()
  #counts = new Map<string, number>()
  #watcher: Watcher | undefined

  constructor(listener: Server) {
    this.#listener = listener
    listener.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      const lines = createInterface(socket).on('line', (line) => void this.#onLine(socket, line))
      // The socket of a killed agent or controller may emit an error, and readline emits the errors of its input again.
      for (const emitter of [socket, lines]) emitter.on('error', () => undefined)
    })
  }

  /** From now on, `watcher` is called at each request of agent or controller. `nth` starts from 1 again. */
  watch(watcher: Watcher): void {
    this.#counts = new Map()
    this.#watcher = watcher
  }

  /** From now on, agent and controller do not wait. */
  stopWatching(): void {
    this.#watcher = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopWatching()
    for (const socket of this.#sockets) socket.destroy()
    this.#listener.close()
    await once(this.#listener, 'close')
  }

  async #onLine(socket: Socket, line: string): Promise<void> {
    const { id, ...ask } = JSON.parse(line) as GateRequest & { id: number }
    const key = JSON.stringify([ask.part, ask.server, ask.when, ask.step])
    const nth = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, nth)
    await this.#watcher?.({ ...ask, nth })
    if (socket.writable) socket.write(`${id}\n`)
  }
}

export async function openGatekeeper(path: string): Promise<Gatekeeper> {
  const listener = createServer()
  listener.listen(path)
  await once(listener, 'listening')
  return new Gatekeeper(listener)
}
