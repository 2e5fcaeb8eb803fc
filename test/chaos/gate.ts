// Before and after each effect (a change of the host, or an API write), agent or controller asks the test process
// (gatekeeper.ts) and waits for the answer: JSON lines on a UNIX socket.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

export type When = 'before' | 'after'

/**
 * Tells the test process (gatekeeper.ts) that agent or controller is about to do a step for a server, or has just done
 * it.
 */
export interface GateRequest {
  part: 'agent' | 'controller'
  /** Key of the server: NAMESPACE/NAME. */
  server: string
  step: string
  when: When
  /**
   * true: an earlier call has started the effect, which goes on in the background; the present call only checks it or
   * waits for it.
   */
  isUnderWay?: true
}

/** Path of the UNIX socket on which the test process (gatekeeper.ts) listens. */
export const GATE_SOCKET_VARIABLE = 'KUBENOVA_GATE'

export class Gate {
  readonly #part: GateRequest['part']
  readonly #socket: Socket
  readonly #waiting = new Map<number, () => void>()
  readonly #underWay = new Set<string>()
  #requestCount = 0

  constructor(part: GateRequest['part'], socket: Socket) {
    this.#part = part
    this.#socket = socket
    createInterface(socket).on('line', (line) => this.#onAnswer(Number(line)))
    // The test process has ended. Without its answers, this process would wait for ever at its next effect.
    socket.once('close', () => process.exit(70))
  }

  /**
   * Asks the test process and waits for its answer before and after the effect. An effect that goes on in the
   * background has not ended yet when `act` returns, so the second question is left out.
   */
  async runGated<T>(server: string, step: string, act: () => Promise<T>): Promise<T> {
    const [ask, key] = [{ part: this.#part, server, step }, `${server} ${step}`]
    await this.#waitAtGate({ ...ask, when: 'before', ...(this.#underWay.has(key) ? { isUnderWay: true } : {}) })
    this.#underWay.delete(key)
    const result = await act()
    if (isUnfinished(result)) this.#underWay.add(key)
    else await this.#waitAtGate({ ...ask, when: 'after' })
    return result
  }

  #waitAtGate(ask: GateRequest): Promise<void> {
    const id = ++this.#requestCount
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.set(id, resolve)
    this.#socket.write(`${JSON.stringify({ id, ...ask })}\n`)
    return promise
  }

  #onAnswer(id: number): void {
    this.#waiting.get(id)?.()
    this.#waiting.delete(id)
  }
}

const isUnfinished = (result: unknown): boolean =>
  typeof result === 'object' && result !== null && 'done' in result && result.done === false

export async function connectToGatekeeper(part: GateRequest['part']): Promise<Gate> {
  const path = process.env[GATE_SOCKET_VARIABLE]
  if (!path) throw new Error(`${GATE_SOCKET_VARIABLE} does not say where the gatekeeper is`)
  const socket = connect(path)
  await once(socket, 'connect')
  return new Gate(part, socket)
}
