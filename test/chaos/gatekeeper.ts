// The gatekeeper runs in the test process and opens the gates at which agent and controller wait (gate.ts). A point is
// the moment before or after one effect. The gatekeeper numbers the points and calls the test's watcher at each of
// them. The process goes on when the watcher is done.
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { GateRequest } from './gate.ts'

/**
 * A point of a story (one operation of a user on a server). `nth`: 1 for the first point of this step, 2 for the
 * second, …
 */
export interface Point extends GateRequest {
  nth: number
}

export const nameOf = ({ part, when, step, nth }: Point): string =>
  `${part}: ${when} ${step}${nth > 1 ? ` (${nth})` : ''}`

/** Called at each point. The process waits at the point until the promise resolves. */
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
      // If the test kills the process, its socket may emit an error. Ignore it, also on `lines`, because readline emits
      // the errors of its input again.
      for (const emitter of [socket, lines]) emitter.on('error', () => undefined)
    })
  }

  /** Calls `watcher` at each point from now on. The numbers of the points start from 1 again. */
  watch(watcher: Watcher): void {
    this.#counts = new Map()
    this.#watcher = watcher
  }

  /** Lets all processes pass their gates without waiting. */
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
