/**
 * A Secret of the shim's own namespace, with its values as texts. All replicas watch it, so each sees the others'
 * changes.
 */
import type { Secret } from '../../../kube/builtin-kinds.ts'
import { secrets } from '../../../kube/builtin-kinds.ts'
import type { Kube } from '../../../kube/client.ts'
import { ignoreNotFound, isAlreadyExists, isConflict } from '../../../kube/errors.ts'
import { createInformer, type Informer } from '../../../kube/informer.ts'
import type { Log } from '../../../kube/log.ts'
import type { Resource } from '../../../kube/resource.ts'
import { keyOf } from '../../../kube/types.ts'
import { CacheWaiter } from '../../state/cache-waiter.ts'
import { getOwn } from '../../validation/get-own.ts'

export interface SecretMapOptions {
  kube: Kube
  namespace: string
  name: string
  type: string
  log: Log
}

export type Values = ReadonlyMap<string, string>
/** A value of null removes the key. */
export type Changes = Readonly<Record<string, string | null>>

const MAX_TRIES = 10

export class SecretMap {
  readonly #options: SecretMapOptions
  readonly #informer: Informer<Secret>
  readonly #api: Resource<Secret>
  readonly #waiter: CacheWaiter<Secret>
  /** The updates of this process follow each other, so that only other replicas conflict with them. */
  #lastUpdate: Promise<unknown> = Promise.resolve()

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

  /** Changes with each write; undefined if the Secret does not exist. */
  get version(): string | undefined {
    return this.#cached()?.metadata.resourceVersion
  }

  get(key: string): string | undefined {
    const value = getOwn(this.#cached()?.data ?? {}, key)
    return value === undefined ? undefined : decodeValue(value)
  }

  keys(): string[] {
    return Object.keys(this.#cached()?.data ?? {})
  }

  values(): Values {
    return valuesOf(this.#cached())
  }

  /**
   * Creates the Secret if it does not exist.
   * @param changesFor returns the changes for the newest values; called again after a conflict
   * @param writer the client that writes the changes, if it is not the shim's own
   */
  async update(changesFor: (values: Values) => Changes, writer?: Kube): Promise<void> {
    const update = this.#lastUpdate.then(() => this.#tryUpdate(changesFor, writer?.resource(secrets) ?? this.#api))
    this.#lastUpdate = update.catch(() => undefined)
    return update
  }

  async #tryUpdate(changesFor: (values: Values) => Changes, writer: Resource<Secret>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#write(changesFor, writer)
      } catch (error) {
        if (tries >= MAX_TRIES || !(isConflict(error) || isAlreadyExists(error))) throw error
      }
    }
  }

  async #write(changesFor: (values: Values) => Changes, writer: Resource<Secret>): Promise<void> {
    const { namespace, name, type } = this.#options
    const existing =
      (await ignoreNotFound(this.#api.get({ namespace, name }))) ??
      (await this.#api.create({ metadata: { namespace, name }, type }))
    const changes = Object.entries(changesFor(valuesOf(existing)))
    if (changes.length === 0) return
    const data = Object.fromEntries(
      changes.map(([key, value]) => [key, value === null ? null : Buffer.from(value).toString('base64')]),
    )
    const { resourceVersion } = existing.metadata
    const written = await writer.patch(existing.metadata, { metadata: { resourceVersion }, data })
    await this.#waiter.waitForWrite(written)
  }

  #cached(): Secret | undefined {
    const { namespace, name } = this.#options
    return this.#informer.cache.get(keyOf({ namespace, name }))
  }
}

const decodeValue = (value: string): string => Buffer.from(value, 'base64').toString('utf8')

const valuesOf = (secret: Secret | undefined): Values =>
  new Map(Object.entries(secret?.data ?? {}).map(([key, value]) => [key, decodeValue(value)]))
