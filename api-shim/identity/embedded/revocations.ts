/** The tokens that were revoked before they expired. They are in a Secret, which all replicas of the shim watch. */
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

  /** Also forgets the revoked tokens that have expired. */
  async add(tokenId: string, expiresAt: Date, now: Date): Promise<void> {
    await this.#secret.update((values) => {
      const expired = [...values].filter(([, time]) => new Date(time) < now)
      return { ...Object.fromEntries(expired.map(([key]) => [key, null])), [tokenId]: expiresAt.toISOString() }
    })
  }
}
