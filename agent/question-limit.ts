/**
 * Limits the work that questions without a valid token can make: anybody who reaches the agent's port can encrypt a
 * question, and the API server must review its token. A token bucket for each sender pays for that.
 */
import { createHash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { Address6 } from 'ip-address'

const BURST = 20
const PER_SECOND = 5
/** A token that the API server has accepted is not reviewed again for this long. */
const REVIEWED_MS = 30_000
/** Old entries are forgotten when there are more, so that many senders do not fill the memory. */
const MAX_ENTRIES = 1_000

interface Bucket {
  tokens: number
  at: number
}

export class QuestionLimit {
  readonly #now: () => number
  readonly #buckets = new Map<string, Bucket>()
  /** The ends of validity, by the hash of the token, and by the sender of a valid one. */
  readonly #known = new Map<string, number>()
  /** Until when the token is not reviewed again, by its hash. */
  readonly #reviewed = new Map<string, number>()

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Whether to read a question at all. The agent always reads the questions of a sender with a valid token. */
  mayAsk(address: string): boolean {
    const sender = senderOf(address)
    return this.#isBefore(this.#known, sender) || this.#refill(sender).tokens >= 1
  }

  /** Takes the price of one question without a known token. Returns false if the sender cannot pay. */
  charge(address: string): boolean {
    const bucket = this.#refill(senderOf(address))
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }

  /** Whether the API server has accepted the token, and it has not expired since: its review costs nothing. */
  isKnownToken(token: string): boolean {
    return this.#isBefore(this.#known, hashOf(token))
  }

  isReviewed(token: string): boolean {
    return this.#isBefore(this.#reviewed, hashOf(token))
  }

  /** @param lifetime milliseconds for which the token is valid; undefined: it is known until its next review */
  remember(token: string, address: string, lifetime = REVIEWED_MS): void {
    const now = this.#now()
    for (const key of [hashOf(token), senderOf(address)]) put(this.#known, key, now + lifetime)
    put(this.#reviewed, hashOf(token), now + Math.min(lifetime, REVIEWED_MS))
  }

  forget(token: string): void {
    for (const map of [this.#known, this.#reviewed]) map.delete(hashOf(token))
  }

  #isBefore(ends: ReadonlyMap<string, number>, key: string): boolean {
    return (ends.get(key) ?? Number.NEGATIVE_INFINITY) > this.#now()
  }

  #refill(sender: string): Bucket {
    const now = this.#now()
    const { tokens, at } = this.#buckets.get(sender) ?? { tokens: BURST, at: now }
    const bucket = { tokens: Math.min(BURST, tokens + ((now - at) / 1000) * PER_SECOND), at: now }
    put(this.#buckets, sender, bucket)
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

/** An IPv6 host can take any address of its /64, so all of them count as one sender. */
function senderOf(address: string): string {
  // Node writes IPv4 addresses like this when it listens on all addresses.
  const plain = address.replace(/^::ffff:(?=[\d.]+$)/i, '').replace(/%.*$/, '')
  return isIPv6(plain) ? new Address6(`${plain}/64`).startAddress().correctForm() : plain
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64')
