// The gate of a process under test: it asks the gatekeeper before and after each effect, and goes on when it is let
// through. So whoever keeps the gate holds the process at an exact point of its work. Asks and answers are JSON lines
// on a UNIX socket.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

export type When = 'before' | 'after'

/** "I am about to do this, or have just done it, for this server." */
export interface Ask {
  part: 'agent' | 'controller'
  /** NAMESPACE/NAME */
  server: string
  step: string
  when: When
}

/** Where the gatekeeper listens. */
export const GATE = 'KUBENOVA_GATE'

export class Gate {
  readonly #part: Ask['part']
  readonly #socket: Socket
  readonly #waiting = new Map<number, () => void>()
  #asked = 0

  constructor(part: Ask['part'], socket: Socket) {
    this.#part = part
    this.#socket = socket
    createInterface(socket).on('line', (line) => this.#answered(Number(line)))
    // Without the controlling test no gate would be opened, so the process must not continue.
    socket.once('close', () => process.exit(70))
  }

  async pass<T>(server: string, step: string, act: () => Promise<T>): Promise<T> {
    await this.#ask({ part: this.#part, server, step, when: 'before' })
    const result = await act()
    await this.#ask({ part: this.#part, server, step, when: 'after' })
    return result
  }

  #ask(ask: Ask): Promise<void> {
    const id = ++this.#asked
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.set(id, resolve)
    this.#socket.write(`${JSON.stringify({ id, ...ask })}\n`)
    return promise
  }

  #answered(id: number): void {
    this.#waiting.get(id)?.()
    this.#waiting.delete(id)
  }
}

export async function openGate(part: Ask['part']): Promise<Gate> {
  const path = process.env[GATE]
  if (!path) throw new Error(`${GATE} does not say where the gatekeeper is`)
  const socket = connect(path)
  await once(socket, 'connect')
  return new Gate(part, socket)
}
