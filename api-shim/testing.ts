/** A shim on the fake API server, for tests of routes: requests go through the whole HTTP server without a socket. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { namespaces } from '../kube/builtin-kinds.ts'
import { isNewerVersion } from '../kube/latest-objects.ts'
import { noLog } from '../kube/log.ts'
import { createStores, startStores } from '../kube/store.ts'
import type { KubeObject } from '../kube/types.ts'
import { keyOf, type Ref, type ResourceDef } from '../kube/types.ts'
import { FakeApi, type Write } from '../test/fakes/api.ts'
import { Life } from '../test/fakes/life.ts'
import { type Caller, includedRoles, projectIdFromUid, type Role } from './identity/caller.ts'
import { ImageFiles } from './images/files.ts'
import { recordAnswers } from './record-answers.ts'
import { allRoutes } from './routes/index.ts'
import type { Route } from './routes/route.ts'
import { createServer } from './server.ts'
import type { Services } from './services.ts'
import type { Access } from './state/access.ts'
import { Heartbeats } from './state/heartbeats.ts'
import { Hosts } from './state/hosts.ts'
import { State } from './state/state.ts'
import { storeDefs } from './state/stores.ts'
import { getOwn } from './validation/get-own.ts'

export interface Answer<B = Record<string, never>> {
  status: number
  headers: Record<string, string | string[] | number | undefined>
  body: B
}

export interface AskOptions {
  /** The token, which is the name of a test user. Default: `member`. */
  as?: string | null
  /** The microversion, such as `2.53`. Absent: no header is sent. */
  version?: string
  body?: unknown
  headers?: Record<string, string>
}

export interface TestUser {
  project: string
  role: Role
  /** The user's name. Default: the name of the entry. One user can have several entries, one for each project. */
  user?: string
}

const testUsers: Readonly<Record<string, TestUser>> = {
  admin: { project: 'mine', role: 'admin' },
  manager: { project: 'mine', role: 'manager' },
  member: { project: 'mine', role: 'member' },
  reader: { project: 'mine', role: 'reader' },
  other: { project: 'other', role: 'member' },
}

export interface TestShimOptions {
  routes?: readonly Route[]
  /** Default: everything is allowed. */
  access?: Access
  users?: Readonly<Record<string, TestUser>>
  publicUrl?: string
  onWrite?: (write: Write) => void
  /** The clock of the API server. */
  now?: () => Date
}

export const MAX_IMAGE_BYTES = 1_000_000

export class TestShim implements AsyncDisposable {
  readonly api: FakeApi
  /** Makes calls of the shim to the API server fail. */
  readonly life = new Life()
  readonly app: FastifyInstance
  readonly services: Services
  /** The volume for images. */
  readonly imageDir = mkdtempSync(join(tmpdir(), 'kubenova-images-'))
  readonly imageFiles: ImageFiles
  readonly #stop = new AbortController()
  readonly #stores
  readonly #users: Readonly<Record<string, TestUser>>

  constructor(options: TestShimOptions = {}) {
    const {
      routes = allRoutes,
      access = { isAllowed: async () => true },
      users = testUsers,
      publicUrl,
      onWrite,
      now,
    } = options
    this.api = new FakeApi(now, onWrite)
    const kube = this.api.kube(this.life, 'kubenova-api-shim')
    this.#users = users
    this.imageFiles = new ImageFiles({
      dir: this.imageDir,
      maxBytes: MAX_IMAGE_BYTES,
      idleMs: 2_000,
      address: publicUrl ?? 'http://shim.test',
      projectIdOf: (namespace) => this.services.state.projectOf(namespace).id,
    })
    this.#stores = createStores(storeDefs, { kube })
    const state = new State({ kube, stores: this.#stores, access })
    this.services = {
      state,
      authenticator: { authenticate: async (token) => this.callerOf(token) },
      namespace: 'kubenova-system',
      heartbeats: new Heartbeats(kube, 'kubenova-system'),
      hosts: new Hosts(kube, 'kubenova-system'),
      region: 'RegionOne',
      clock: kube.clock,
      log: noLog,
      publicUrl,
      imageFiles: this.imageFiles,
    }
    this.app = createServer(this.services, { routes })
    recordAnswers(this.app)
  }

  async start(): Promise<this> {
    await this.imageFiles.start()
    await startStores(this.#stores, this.#stop.signal)
    const projects = new Set(Object.values(this.#users).map(({ project }) => project))
    for (const name of projects) await this.seed(namespaces, { metadata: { name } })
    await this.app.ready()
    return this
  }

  callerOf(name: string): Caller | undefined {
    const found = getOwn(this.#users, name)
    if (!found) return undefined
    const uid = this.#stores.namespaces.cache.get(found.project)?.metadata.uid ?? ''
    return {
      user: { id: `id-of-${found.user ?? name}`, name: found.user ?? name },
      project: { id: projectIdFromUid(uid), name: found.project, namespace: found.project },
      roles: includedRoles([found.role]),
      kubernetes: { user: found.user ?? name, groups: [] },
    }
  }

  async seed<T extends KubeObject>(def: ResourceDef, object: object): Promise<T> {
    const resource = this.api.resource<T>(def)
    const created = await resource.create(object as never)
    const { status } = object as { status?: object }
    const ref = { name: created.metadata.name, namespace: created.metadata.namespace }
    const stored =
      status && def.statusSubresource !== false
        ? await resource.patch(ref, { status }, { subresource: 'status' })
        : created
    await this.waitForCache(def, stored)
    return stored
  }

  async waitForCache(def: ResourceDef, { metadata }: KubeObject): Promise<void> {
    const store = Object.values(this.#stores).find((s) => s.def.kind.plural === def.plural)
    if (!store) return
    for (let turn = 0; turn < 1000; turn++) {
      const cached = (store.cache.get(keyOf(metadata)) as KubeObject | undefined)?.metadata
      if (cached && !isNewerVersion(metadata.resourceVersion, cached.resourceVersion)) return
      await new Promise((resolve) => setImmediate(resolve))
    }
    throw new Error(`the cache of ${def.plural} does not catch up`)
  }

  /**
   * Changes objects as another client does, each right before a call of the shim, whose caches are then behind.
   * @param changes patches of the object that the shim writes, or other changes
   */
  interfere(
    changes: readonly (object | (() => Promise<unknown>))[],
    verb: 'create' | 'patch' | 'delete' = 'patch',
  ): void {
    const left = [...changes]
    const original = this.api.resource.bind(this.api)
    this.api.resource = <T extends KubeObject>(...of: Parameters<FakeApi['resource']>) => {
      const resource = original<T>(...of)
      const before = async (called: typeof verb, target: Ref): Promise<void> => {
        const change = called === verb ? left.shift() : undefined
        if (change) await (typeof change === 'function' ? change() : resource.patch(target, change))
      }
      return {
        ...resource,
        create: async (...given: Parameters<typeof resource.create>) => {
          await before('create', given[0].metadata)
          return resource.create(...given)
        },
        async patch(target, patch, options) {
          await before('patch', target)
          return resource.patch(target, patch, options)
        },
        async delete(target, options) {
          await before('delete', target)
          return resource.delete(target, options)
        },
      }
    }
  }

  /** @param path below the address of the shim, such as `/compute/v2.1/servers` */
  async ask<B = Record<string, never>>(method: string, path: string, options: AskOptions = {}): Promise<Answer<B>> {
    const { as = 'member', version, body, headers = {} } = options
    const answer = await this.app.inject({
      method: method as 'GET',
      url: path,
      headers: {
        accept: 'application/json',
        ...(as === null ? {} : { 'x-auth-token': as }),
        ...(version === undefined ? {} : { 'openstack-api-version': `compute ${version}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { payload: typeof body === 'string' || body instanceof Buffer ? body : JSON.stringify(body) }),
    })
    const isJson = String(answer.headers['content-type']).startsWith('application/json') && answer.body !== ''
    return { status: answer.statusCode, headers: answer.headers, body: (isJson ? answer.json() : answer.body) as B }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.close()
    rmSync(this.imageDir, { recursive: true })
    this.#stop.abort(new Error('the test is over'))
  }
}
