/**
 * Tokens that were revoked before they expired: a Secret that all replicas watch, with the time until which each
 * counts.
 */
import type { SecretMap } from './secret-map.ts'

export const REVOCATIONS_SECRET = 'kubenova-revoked-tokens'
export const REVOCATIONS_TYPE = 'compute.kubenova.io/revoked-tokens'

export class Revocations {
  readonly #secret: SecretMap

  constructor(secret: SecretMap) {
    this.#secret = secret
  }

  has(tokenId: string): boolean {
    return this.#secret.get(tokenId) !== undefined
  }

  /** Records the token, and forgets those that have expired by themselves. */
  async add(tokenId: string, expiresAt: Date, now: Date): Promise<void> {
    await this.#secret.update((keys) => {
      const expired = keys.filter((key) => new Date(this.#secret.get(key) ?? now) < now)
      return { ...Object.fromEntries(expired.map((key) => [key, null])), [tokenId]: expiresAt.toISOString() }
    })
  }
}
