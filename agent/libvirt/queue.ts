// A first-in, first-out queue. Its `shift` takes constant time, while `Array.shift` moves all following items.

export class Queue<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  push(item: T): void {
    this.#items.push(item)
  }

  peek(): T | undefined {
    return this.#items[this.#head]
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head] = undefined
    this.#head += 1
    // Cut the shifted items off only when they are more than half of the array, so that items are rarely moved.
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) this.#dropShifted()
    else if (this.length === 0) this.clear()
    return item
  }

  clear(): void {
    this.#items = []
    this.#head = 0
  }

  *[Symbol.iterator](): Generator<T> {
    for (const item of this.#items.slice(this.#head)) if (item !== undefined) yield item
  }

  #dropShifted(): void {
    this.#items = this.#items.slice(this.#head)
    this.#head = 0
  }
}
