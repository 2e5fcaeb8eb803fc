/**
 * The connection of a watch may break, or become silent: it then delivers neither events nor an error. The API server
 * may end the watch after its timeout.
 */
import type { WatchOptions } from '../../kube/list-watch.ts'
import type { KubeObject, WatchEvent } from '../../kube/types.ts'
import type { FakeApi } from '../fakes/api.ts'
import { makeBookmark } from '../fakes/watches.ts'
import { connectionError } from './link.ts'
import type { Process } from './process.ts'
import type { MessageQueue } from './schedule.ts'

type Event = WatchEvent<KubeObject>
/** `end` is an error if the connection broke, and undefined if the API server ended the watch. */
type StreamItem = { event: Event } | { end: Error | undefined }

export class WatchStream {
  readonly name: string
  readonly processName: string
  readonly #process: Process
  readonly #queue: MessageQueue
  readonly #received: StreamItem[] = []
  readonly #cleanups: (() => void)[] = []
  #unfollow = (): void => undefined
  #wake = (): void => undefined
  /** True if the connection is dead but the client has not noticed it. */
  isSilent = false
  #isClosed = false

  /** @param onClose called once, when the stream is closed */
  constructor(process: Process, plural: string, onClose: () => void) {
    this.name = `${process.name}: watch ${plural}`
    this.processName = process.name
    this.#process = process
    this.#queue = process.openQueue(`watch ${plural}`, true)
    this.#cleanups.push(
      process.onEnd(() => this.close()),
      onClose,
    )
  }

  /** Throws an ApiError 410 if the resourceVersion is too old. */
  open(api: FakeApi, plural: string, options: WatchOptions): void {
    const { timeoutSeconds } = options
    const server = { name: 'server', isDead: false, isFrozen: false }
    const { time } = this.#process.context
    const push = (event: Event): void => this.#push(`${event.type} ${event.object.metadata.name ?? ''}`, { event })
    this.#unfollow = api.follow(plural, options, push)
    if (timeoutSeconds === undefined) return
    const end = (): void => {
      push({ type: 'BOOKMARK', object: makeBookmark(api.version) })
      this.#end(undefined)
    }
    this.#cleanups.push(time.setTimer(server, timeoutSeconds * 1000, end))
  }

  /** Ends the stream with a connection error. */
  break(): void {
    this.#end(connectionError(this.name, 'terminated'))
  }

  /** The stream does not end, as when a connection dies unnoticed. */
  silence(): void {
    this.isSilent = true
    this.#queue.messages.length = 0
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#unfollow()
    for (const cleanup of this.#cleanups.splice(0)) cleanup()
    this.#process.closeQueue(this.#queue)
  }

  async *events(signal: AbortSignal | undefined, idleMs: number | undefined): AsyncGenerator<Event> {
    const wake = (): void => this.#wake()
    signal?.addEventListener('abort', wake)
    try {
      for (;;) {
        signal?.throwIfAborted()
        const item = this.#received.shift()
        if (item && 'event' in item) yield item.event
        else if (item?.end) throw item.end
        else if (item) return
        else await this.#waitForItem(idleMs)
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

  async #waitForItem(idleMs: number | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    if (!idleMs) return promise
    const timeOut = (): void => {
      this.#received.push({ end: connectionError(this.name, 'body timeout') })
      resolve()
    }
    const cancelTimer = this.#process.clock.timer(idleMs, timeOut)
    await promise
    cancelTimer()
  }

  #push(label: string, item: StreamItem): void {
    if (this.#isClosed || this.isSilent) return
    this.#process.context.schedule.enqueue(this.#queue, `${this.name} ${label}`, () => {
      this.#received.push(item)
      this.#wake()
    })
  }
}
