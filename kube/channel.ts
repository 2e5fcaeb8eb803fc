// Wake-ups that come from no kind of the API: a lease that ran out, an event of a hypervisor, an address that is free again.

/** Declared once with {@link defineChannel}: who notifies it and who watches it meet by this value. */
export interface Channel<V> {
  readonly name: string
  /** Never set: it only carries the type. */
  readonly valueType?: V
}

/** @param name what is notified of, for the graph: `host liveness` */
export const defineChannel = <V>(name: string): Channel<V> => ({ name })

type Listener = (value: never) => void

/** The channels of one program. Nothing is kept: who listens later has missed what was notified before. */
export class Channels {
  readonly #listeners = new Map<Channel<never>, Set<Listener>>()

  /** Returns how to leave. */
  on<V>(channel: Channel<V>, listener: (value: V) => void): () => void {
    const listeners = this.#listeners.get(channel as Channel<never>) ?? new Set()
    this.#listeners.set(channel as Channel<never>, listeners)
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }

  notify<V>(channel: Channel<V>, value: V): void {
    for (const listener of this.#listeners.get(channel as Channel<never>) ?? []) listener(value as never)
  }
}
