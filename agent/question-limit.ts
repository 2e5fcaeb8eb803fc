/**
 * Limits the work that questions without a valid token can make: anybody who reaches the agent's port can encrypt a
 * question, and the API server must review its token. A token bucket for each sender pays for that.
 */
import { createHash } from 'node:crypto'

const BURST = 20
const PER_SECOND = 5
/** A token that the API server has accepted is not reviewed again for this long. */
const KNOWN_MS = 30_000
/** Old entries are forgotten when there are more, so that many senders do not fill the memory. */
const MAX_ENTRIES = 1_000

interface Bucket {
  tokens: number
  at: number
}

export class QuestionLimit {
  readonly #now: () => number
  readonly #buckets = new Map<string, Bucket>()
  /** The ends, by the hash of the token, and by the address that has sent a valid one. */
  readonly #known = new Map<string, number>()

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Whether a question is to be read at all. Those of a sender with a valid token always are. */
  mayAsk(address: string): boolean {
    return this.#isKnown(address) || this.#refill(address).tokens >= 1
  }

  /** Takes the price of one question without a known token. Returns false if the sender cannot pay. */
  charge(address: string): boolean {
    const bucket = this.#refill(address)
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }

  isKnownToken(token: string): boolean {
    return this.#isKnown(hashOf(token))
  }

  remember(token: string, address: string): void {
    const until = this.#now() + KNOWN_MS
    for (const key of [hashOf(token), address]) put(this.#known, key, until)
  }

  #isKnown(key: string): boolean {
    return (this.#known.get(key) ?? Number.NEGATIVE_INFINITY) > this.#now()
  }

  #refill(address: string): Bucket {
    const now = this.#now()
    const { tokens, at } = this.#buckets.get(address) ?? { tokens: BURST, at: now }
    const bucket = { tokens: Math.min(BURST, tokens + ((now - at) / 1000) * PER_SECOND), at: now }
    put(this.#buckets, address, bucket)
    return bucket
  }
}

/** The newest entry is the last of the map, so the first is the oldest. */
function put<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key)
  map.set(key, value)
  for (const oldest of map.keys()) {
    if (map.size <= MAX_ENTRIES) return
    map.delete(oldest)
  }
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64')
