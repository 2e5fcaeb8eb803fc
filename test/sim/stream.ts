/** A watch of one process: the server's events wait in a lane of their own, and it may be cut, go silent, or be ended by the server. */
import type { WatchOptions } from '../../kube/list-watch.ts'
import type { KubeObject, WatchEvent } from '../../kube/types.ts'
import type { FakeApi } from '../fakes/api.ts'
import { bookmark } from '../fakes/watches.ts'
import type { Lane } from './lanes.ts'
import { unreachable } from './link.ts'
import type { Process } from './process.ts'

type Event = WatchEvent<KubeObject>
type Told = { event: Event } | { end: Error | undefined }

export class Stream {
  readonly name: string
  /** Whose it is. */
  readonly process: string
  readonly #process: Process
  readonly #lane: Lane
  readonly #told: Told[] = []
  readonly #leave: (() => void)[] = []
  #unfollow = (): void => undefined
  #wake = (): void => undefined
  /** Dead, and nobody has noticed. */
  isSilent = false
  #isClosed = false

  /** @param onClose told once, when it is of no use any more */
  constructor(process: Process, plural: string, onClose: () => void) {
    this.name = `${process.name}: watch ${plural}`
    this.process = process.name
    this.#process = process
    this.#lane = process.inbound(`watch ${plural}`, true)
    this.#leave.push(
      process.atEnd(() => this.close()),
      onClose,
    )
  }

  /** At the server. @throws ApiError 410 */
  open(api: FakeApi, plural: string, options: WatchOptions): void {
    const { timeoutSeconds } = options
    const server = { name: 'server', isDead: false, isFrozen: false }
    const { time } = this.#process.ground
    const push = (event: Event): void => this.#push(`${event.type} ${event.object.metadata.name ?? ''}`, { event })
    this.#unfollow = api.follow(plural, options, push)
    if (timeoutSeconds === undefined) return
    const end = (): void => {
      push({ type: 'BOOKMARK', object: bookmark(api.version) })
      this.#end(undefined)
    }
    this.#leave.push(time.timer(server, timeoutSeconds * 1000, end))
  }

  /** The connection breaks. */
  cut(): void {
    this.#end(unreachable(this.name, 'terminated'))
  }

  /** Nothing comes any more, and nobody is told. */
  silence(): void {
    this.isSilent = true
    this.#lane.waiting.length = 0
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#unfollow()
    for (const leave of this.#leave.splice(0)) leave()
    this.#process.close(this.#lane)
  }

  async *events(signal: AbortSignal | undefined, idleMs: number | undefined): AsyncGenerator<Event> {
    const wake = (): void => this.#wake()
    signal?.addEventListener('abort', wake)
    try {
      for (;;) {
        signal?.throwIfAborted()
        const told = this.#told.shift()
        if (told && 'event' in told) yield told.event
        else if (told?.end) throw told.end
        else if (told) return
        else await this.#more(idleMs)
      }
    } finally {
      signal?.removeEventListener('abort', wake)
      this.close()
    }
  }

  #end(error: Error | undefined): void {
    this.#unfollow()
    this.#push('end', { end: error })
  }

  async #more(idleMs: number | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    if (!idleMs) return promise
    const idle = (): void => {
      this.#told.push({ end: unreachable(this.name, 'body timeout') })
      resolve()
    }
    const cancel = this.#process.clock.timer(idleMs, idle)
    await promise
    cancel()
  }

  #push(what: string, told: Told): void {
    if (this.#isClosed || this.isSilent) return
    this.#process.ground.lanes.park(this.#lane, `${this.name} ${what}`, () => {
      this.#told.push(told)
      this.#wake()
    })
  }
}
