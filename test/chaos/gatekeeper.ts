// Keeps the gates of a cloud's processes: writes down what passes, and holds one at the point that it is told to.
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Ask } from './gate.ts'

/** A point of a story: an ask, told apart from others of the same words by its number (1, 2, …). */
export interface Point extends Ask {
  nth: number
}

export const nameOf = ({ part, when, step, nth }: Point): string =>
  `${part}: ${when} ${step}${nth > 1 ? ` (${nth})` : ''}`

/** Asked at each point that is passed; the process goes on when it resolves. */
export type Watcher = (point: Point) => Promise<void> | void

export class Gatekeeper implements AsyncDisposable {
  readonly #listener: Server
  readonly #sockets = new Set<Socket>()
  #seen = new Map<string, number>()
  #watcher: Watcher | undefined

  constructor(listener: Server) {
    this.#listener = listener
    listener.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      const lines = createInterface(socket).on('line', (line) => void this.#asked(socket, line))
      // Its process was killed: nobody waits for the answer any more. A reader of lines passes on its socket's errors.
      for (const end of [socket, lines]) end.on('error', () => undefined)
    })
  }

  /** Counts anew from here on, and shows what passes to `watcher`. */
  watch(watcher: Watcher): void {
    this.#seen = new Map()
    this.#watcher = watcher
  }

  /** All may pass. */
  rest(): void {
    this.#watcher = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.rest()
    for (const socket of this.#sockets) socket.destroy()
    this.#listener.close()
    await once(this.#listener, 'close')
  }

  async #asked(socket: Socket, line: string): Promise<void> {
    const { id, ...ask } = JSON.parse(line) as Ask & { id: number }
    const key = JSON.stringify(ask)
    const nth = (this.#seen.get(key) ?? 0) + 1
    this.#seen.set(key, nth)
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
