/**
 * A shim on the fake API server, with a server in each state that a test asks for. No controller runs: an action
 * request is accepted at once.
 */
import { actions, flavors, hypervisors, images, networks, servers } from '../../../api-shim/state/stores.ts'
import { TestShim } from '../../../api-shim/testing.ts'
import type { Server, VmState } from '../../../crds/index.ts'
import type { KubeObject, ResourceDef } from '../../../kube/types.ts'
import type { Write } from '../../fakes/api.ts'
import type { ActionTable, Answer, Situation } from './table.ts'

const powerOf: Readonly<Partial<Record<VmState, 'Running' | 'Paused' | 'Shutdown'>>> = {
  active: 'Running',
  paused: 'Paused',
  suspended: 'Shutdown',
  stopped: 'Shutdown',
  rescued: 'Running',
  resized: 'Running',
}
const desiredOf: Readonly<Partial<Record<VmState, string>>> = {
  paused: 'Paused',
  suspended: 'Suspended',
  stopped: 'Stopped',
}

export type View = Readonly<Record<string, unknown>>
/** The fields that an action may change. The rest, such as the time of the last change, is not compared. */
const compared = ['name', 'OS-EXT-STS:task_state', 'OS-EXT-STS:vm_state', 'locked', 'locked_reason', 'metadata', 'tags']

interface Seeded {
  id: string
  view: View
}

export interface Outcome extends Answer {
  /** The fields of GET /servers/ID before and after the request. */
  before: View
  after: View
  /** The kinds of objects that the request has changed. */
  writes: string[]
}

export class StateCloud implements AsyncDisposable {
  readonly #shim: TestShim
  readonly #servers = new Map<string, Seeded>()
  #seeded = 0
  readonly #ids = new Map<string, string>()
  #writes: string[] = []

  constructor() {
    const users = {
      member: { project: 'mine', role: 'member' },
      reader: { project: 'mine', role: 'reader' },
      admin: { project: 'admin', role: 'admin' },
    } as const
    this.#shim = new TestShim({ users, onWrite: (write) => this.#onWrite(write) })
  }

  async start(): Promise<this> {
    const shim = await this.#shim.start()
    const idOf = async (def: ResourceDef, object: object): Promise<string> =>
      (await shim.seed<KubeObject>(def, object)).metadata.uid ?? ''
    await shim.seed(hypervisors.kind, { metadata: { name: 'host-1' }, spec: {}, status: { state: 'up' } })
    for (const name of ['tiny', 'small'])
      await shim.seed(flavors.kind, { metadata: { name }, spec: { vcpus: 1, ram: 64, disk: 1 } })
    const image = {
      metadata: { name: 'i', namespace: 'mine' },
      spec: { url: 'https://images.test/x', visibility: 'public' },
    }
    this.#ids.set('IMAGE', await idOf(images.kind, image))
    const network = { metadata: { name: 'n', namespace: 'mine' }, spec: { subnets: [{ cidr: '10.10.0.0/16' }] } }
    this.#ids.set('NETWORK', await idOf(networks.kind, network))
    this.#ids.set('VOLUME', '5f0a1c9e-3b52-4c6e-9d1f-7a2b8c3d4e5f')
    return this
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#shim[Symbol.asyncDispose]()
  }

  /** Sends the request of the action in this situation. A server that it changes is not used again. */
  async perform({ method, path, body, microversion: version }: ActionTable, situation: Situation): Promise<Outcome> {
    const { by: as } = situation
    const { id, view: before } = await this.#serverIn(situation)
    this.#writes = []
    const url = `/compute/v2.1/servers/${id}${path}`
    const answer = await this.#shim.ask(method, url, { as, version, ...this.#bodyWithIds(body) })
    const writes = this.#writes
    const message = Object.values(answer.body as object).map((fault: { message?: unknown }) => fault?.message)[0]
    if (writes.length > 0) this.#servers.delete(keyOf(situation))
    const after = writes.length > 0 ? await this.#viewOf(id) : before
    return { status: answer.status, message: messageWithoutId(message, id), before, after, writes }
  }

  #onWrite({ plural, before, after }: Write): void {
    this.#writes.push(plural)
    if (plural !== 'serveractions' || before !== undefined || after === undefined) return
    const { name, namespace } = after.metadata
    const accepted = { status: { phase: 'Running' } }
    // The fake API server calls this method during a write, and the store must not be changed before that write has
    // ended. So send the patch afterwards.
    setImmediate(() => void this.#shim.api.resource(actions.kind).patch({ name, namespace }, accepted))
  }

  #bodyWithIds(body: unknown): { body?: unknown } {
    if (body === undefined) return {}
    let text = JSON.stringify(body)
    for (const [name, id] of this.#ids) text = text.replace(`"${name}"`, `"${id}"`)
    return { body: JSON.parse(text) }
  }

  async #viewOf(id: string): Promise<View> {
    const { body } = await this.#shim.ask<{ server?: View }>('GET', `/compute/v2.1/servers/${id}`, {
      as: 'admin',
      version: '2.104',
    })
    return Object.fromEntries(compared.map((field) => [field, body.server?.[field] ?? null]))
  }

  async #serverIn(situation: Situation): Promise<Seeded> {
    const key = keyOf(situation)
    const known = this.#servers.get(key)
    if (known) return known
    this.#seeded += 1
    const { metadata } = await this.#shim.seed<Server>(servers.kind, serverIn(situation, `s${this.#seeded}`))
    if (situation.vmState === 'deleted') await this.#shim.api.resource(servers.kind).delete(metadata)
    const id = metadata.uid ?? ''
    const seeded = { id, view: await this.#viewOf(id) }
    this.#servers.set(key, seeded)
    return seeded
  }
}

const keyOf = ({ by: _by, ...state }: Situation): string => JSON.stringify(state)

function serverIn({ vmState, task, locked, isUnbuilt }: Situation, name: string): object {
  const powerState = desiredOf[vmState] ?? 'Running'
  const hasHost = !isUnbuilt && vmState !== 'shelved_offloaded'
  const finalizers = vmState === 'deleted' ? [] : ['compute.kubenova.io/server']
  return {
    metadata: { name, namespace: 'mine', finalizers },
    spec: { flavor: 'tiny', image: { name: 'i' }, powerState, locked, metadata: { k: 'v' } },
    status: {
      ...(hasHost ? { host: 'host-1' } : {}),
      vmState,
      ...(task === undefined || task === 'scheduling' ? {} : { taskState: task }),
      powerState: powerOf[vmState] ?? 'NOSTATE',
      reachedPowerState: powerState,
      observedGeneration: 1,
      ...(vmState === 'building' || isUnbuilt ? {} : { launchedAt: '2026-01-02T03:04:05Z' }),
    },
  }
}

const messageWithoutId = (message: unknown, id: string): string | undefined =>
  typeof message === 'string' ? message.replace(id, 'ID') : undefined
