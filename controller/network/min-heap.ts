export class MinHeap {
  readonly #items: bigint[] = []
  readonly #has = new Set<bigint>()

  push(value: bigint): void {
    if (this.#has.has(value)) return
    this.#has.add(value)
    const items = this.#items
    let at = items.length
    items.push(value)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = items[parent] ?? value
      if (above <= value) break
      items[at] = above
      at = parent
    }
    items[at] = value
  }

  pop(): bigint | undefined {
    const items = this.#items
    const least = items[0]
    const last = items.pop()
    if (least === undefined || last === undefined) return undefined
    this.#has.delete(least)
    if (items.length > 0) this.#siftDown(last)
    return least
  }

  #siftDown(value: bigint): void {
    const items = this.#items
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      let below = items[child]
      const right = items[child + 1]
      if (below === undefined) break
      if (right !== undefined && right < below) {
        child++
        below = right
      }
      if (below >= value) break
      items[at] = below
      at = child
    }
    items[at] = value
  }
}
