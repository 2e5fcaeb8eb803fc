// The other end of the gates in a cloud's processes (gate.ts): numbers the points that they reach, and holds a process
// at a point for as long as the watcher wants.
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { GateRequest } from './gate.ts'

/** A point of a story. `nth` distinguishes points of the same step: 1, 2, … */
export interface Point extends GateRequest {
  nth: number
}

export const nameOf = ({ part, when, step, nth }: Point): string =>
  `${part}: ${when} ${step}${nth > 1 ? ` (${nth})` : ''}`

/** Called at each point; the process goes on when the promise resolves. */
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
      // After its process was killed, errors of the socket are of no interest. readline emits the errors of its socket,
      // too.
      for (const emitter of [socket, lines]) emitter.on('error', () => undefined)
    })
  }

  /** Numbers the points from 1 again, and calls `watcher` for each. */
  watch(watcher: Watcher): void {
    this.#counts = new Map()
    this.#watcher = watcher
  }

  /** Lets all processes pass. */
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
