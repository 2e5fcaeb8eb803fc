// Channels make controllers reconcile keys for reasons other than a change of an API object: an expired lease, a
// libvirt event, a freed address.

/** Declare it once with {@link defineChannel}; the code that notifies and the controllers that watch share it. */
export interface Channel<V> {
  readonly name: string
  /** Never set. Only the compiler uses it: it carries the type of the values. */
  readonly valueType?: V
}

/** @param name the subject of the notifications, such as `host liveness`; shown in docs/reference/wakes.md */
export const defineChannel = <V>(name: string): Channel<V> => ({ name })

type Listener = (value: never) => void

/** Channels keep no values: a listener gets only the values that are sent after it was added. */
export class Channels {
  readonly #listeners = new Map<Channel<never>, Set<Listener>>()

  /** Returns a function that removes the listener. */
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
