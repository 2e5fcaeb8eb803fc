/** Tokens of the embedded identity: signed JWTs with a short life. All replicas share the key, which is in a Secret. */
import { randomBytes, randomUUID } from 'node:crypto'
import { errors, jwtVerify, SignJWT } from 'jose'
import type { SecretMap } from './secret-map.ts'

export const KEYS_SECRET = 'kubenova-token-keys'
export const KEYS_TYPE = 'compute.kubenova.io/token-keys'

/** A token has no roles, because they are read from RBAC at each request. */
export interface Claims {
  user: string
  /** See Users.generationOf. */
  generation: string
  /** See Revocations.revisionOf. */
  revision?: string
  /** The uid of the namespace; absent in a token without a project. */
  project?: string
  methods: string[]
  credential?: string
}

export interface VerifiedClaims extends Claims {
  id: string
  issuedAt: Date
  expiresAt: Date
}

const ISSUER = 'kubenova'
const ALGORITHM = 'HS256'

export class Tokens {
  readonly #keys: SecretMap

  constructor(keys: SecretMap) {
    this.#keys = keys
  }

  async ensureKey(): Promise<void> {
    await this.#keys.update((keys) =>
      keys.size > 0 ? {} : { [`${Date.now()}-${randomUUID().slice(0, 8)}`]: randomBytes(32).toString('base64') },
    )
  }

  /** Signs with the newest key. Older keys remain valid for verification until the operator removes them. */
  async sign(claims: Claims, issuedAt: Date, expiresAt: Date): Promise<string> {
    const id = this.#keys.keys().toSorted().at(-1)
    const key = id === undefined ? undefined : this.#keyOf(id)
    if (id === undefined || key === undefined) throw new Error(`the Secret ${KEYS_SECRET} has no key`)
    return new SignJWT({ ...claims })
      .setProtectedHeader({ alg: ALGORITHM, kid: id })
      .setIssuer(ISSUER)
      .setJti(randomBytes(12).toString('base64url'))
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .sign(key)
  }

  /** Undefined if the token was not issued by the shim, has been changed, or has expired. */
  async verify(token: string, now: Date): Promise<VerifiedClaims | undefined> {
    try {
      const { payload } = await jwtVerify<Claims>(token, ({ kid = '' }) => this.#verificationKey(kid), {
        issuer: ISSUER,
        algorithms: [ALGORITHM],
        currentDate: now,
        requiredClaims: ['jti', 'iat', 'exp', 'user', 'generation'],
      })
      const { jti = '', iat = 0, exp = 0, ...claims } = payload
      return { ...claims, id: jti, issuedAt: new Date(iat * 1000), expiresAt: new Date(exp * 1000) }
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined
      throw error
    }
  }

  #verificationKey(id: string): Uint8Array {
    const key = this.#keyOf(id)
    if (!key) throw new errors.JWKSNoMatchingKey()
    return key
  }

  #keyOf(id: string): Uint8Array | undefined {
    const text = this.#keys.get(id)
    const key = text === undefined ? undefined : Buffer.from(text, 'base64')
    return key && key.length >= 32 ? key : undefined
  }
}
