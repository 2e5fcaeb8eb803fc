/**
 * A Secret of the shim's own namespace, with its values as texts. All replicas watch it, so each sees the others'
 * changes.
 */
import type { Secret } from '../../../kube/builtin-kinds.ts'
import { secrets } from '../../../kube/builtin-kinds.ts'
import type { Kube } from '../../../kube/client.ts'
import { isAlreadyExists, isConflict, isNotFound } from '../../../kube/errors.ts'
import { createInformer, type Informer } from '../../../kube/informer.ts'
import type { Log } from '../../../kube/log.ts'
import type { Resource } from '../../../kube/resource.ts'
import { keyOf } from '../../../kube/types.ts'
import { CacheWaiter } from '../../state/cache-waiter.ts'

export interface SecretMapOptions {
  kube: Kube
  namespace: string
  name: string
  type: string
  log: Log
}

/** A value of null removes the key. */
export type Changes = Readonly<Record<string, string | null>>

const MAX_TRIES = 5

export class SecretMap {
  readonly #options: SecretMapOptions
  readonly #informer: Informer<Secret>
  readonly #api: Resource<Secret>
  readonly #waiter: CacheWaiter<Secret>

  constructor(options: SecretMapOptions) {
    this.#options = options
    const { kube, namespace, name, log } = options
    this.#api = kube.resource(secrets)
    // With this field selector, RBAC can allow the watch by the Secret's name.
    const { metrics, clock } = kube
    const fieldSelector = `metadata.name=${name}`
    this.#informer = createInformer(this.#api, { namespace, fieldSelector, log, metrics, clock })
    this.#waiter = new CacheWaiter(this.#informer, clock)
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#informer.start(signal)
    await this.#informer.synced(signal)
  }

  get hasSynced(): boolean {
    return this.#informer.hasSynced
  }

  get(key: string): string | undefined {
    const value = this.#cached()?.data?.[key]
    return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8')
  }

  keys(): string[] {
    return Object.keys(this.#cached()?.data ?? {})
  }

  /**
   * Creates the Secret if it does not exist.
   * @param changesFor returns the changes for the values that the Secret has; called again after a conflict
   */
  async update(changesFor: (keys: readonly string[]) => Changes): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#write(changesFor)
      } catch (error) {
        if (tries >= MAX_TRIES || !(isConflict(error) || isAlreadyExists(error))) throw error
      }
    }
  }

  async #write(changesFor: (keys: readonly string[]) => Changes): Promise<void> {
    const { namespace, name, type } = this.#options
    const existing = await this.#api.get({ namespace, name }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined
      throw error
    })
    const changes = Object.entries(changesFor(Object.keys(existing?.data ?? {})))
    if (changes.length === 0) return
    const data = Object.fromEntries(
      changes.map(([key, value]) => [key, value === null ? null : Buffer.from(value).toString('base64')]),
    )
    const written = existing
      ? await this.#api.patch(existing.metadata, {
          metadata: { resourceVersion: existing.metadata.resourceVersion },
          data,
        })
      : await this.#api.create({ metadata: { namespace, name }, type, data: withoutNulls(data) })
    await this.#waiter.waitForWrite(written)
  }

  #cached(): Secret | undefined {
    const { namespace, name } = this.#options
    return this.#informer.cache.get(keyOf({ namespace, name }))
  }
}

const withoutNulls = (data: Record<string, string | null>): Record<string, string> =>
  Object.fromEntries(Object.entries(data).filter((entry): entry is [string, string] => entry[1] !== null))
