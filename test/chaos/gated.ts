// What agent and controller act on, with a gate before and after each effect: the port Host, and the API's writes of servers, records and ports.
import { serverAction } from '../../actions/index.ts'
import type { Guest, Host, ObjectMeta, StepContext } from '../../crds/index.ts'
import { port, server } from '../../crds/index.ts'
import type { Kube } from '../../kube/client.ts'
import type { Resource } from '../../kube/resource.ts'
import { type KubeObject, keyOf, type ResourceDef } from '../../kube/types.ts'
import type { Gate } from './gate.ts'

/** Every method of the port that changes something. */
const effects = [
  'fetchImage',
  'createDisks',
  'writeConfigDrive',
  'plugPorts',
  'define',
  'start',
  'shutdown',
  'destroy',
  'pause',
  'unpause',
  'save',
  'undefine',
  'unplugPorts',
  'deleteDisks',
] as const satisfies (keyof Host)[]

/** A method that looks, or a new one, must be put on one of the lists: this fails to compile otherwise. */
type Looks = 'bootedBy'
type Ungated = Exclude<keyof Host, (typeof effects)[number] | Looks>
const ungated: Ungated[] = [] satisfies never[]

export function gateHost<H extends Host>(host: H, gate: Gate): H {
  const gated = effects.map((name) => {
    const act = host[name] as (guest: Guest, ...rest: unknown[]) => Promise<unknown>
    const pass = (guest: Guest, ...rest: [...unknown[], StepContext]) =>
      gate.pass(keyOf(guest.server.metadata), name, () => act(guest, ...rest))
    return [name, pass] as const
  })
  return { ...host, ...Object.fromEntries(gated), ...Object.fromEntries(ungated) }
}

/** Kinds whose writes are steps of a server's life. */
const kinds: readonly string[] = [server.kind, serverAction.kind, port.kind]

export function gateKube(kube: Kube, gate: Gate): Kube {
  return {
    ...kube,
    resource: <T extends KubeObject>(def: ResourceDef): Resource<T> => {
      const resource = kube.resource<T>(def)
      return kinds.includes(def.kind) ? gateResource(resource, gate) : resource
    },
  }
}

/** Of what the writes say only as much as names them. */
interface Written {
  metadata: Partial<ObjectMeta>
  spec?: { server?: string; action?: string }
  status?: { taskState?: string; vmState?: string; phase?: string; activeAction?: { action: string } }
}

function gateResource<T extends KubeObject>(resource: Resource<T>, gate: Gate): Resource<T> {
  const { kind } = resource.def
  const pass = <R>(object: object, name: string, act: () => Promise<R>): Promise<R> =>
    gate.pass(serverOf(kind, object), name, act)
  return {
    ...resource,
    create: (object, how) => pass(object, `create ${kind}`, () => resource.create(object, how)),
    update: (object, how) => pass(object, `update ${kind}`, () => resource.update(object, how)),
    apply: (object, how) => pass(object, `${kind} ${told(object)}`, () => resource.apply(object, how)),
    applyStatus: (object, how) => pass(object, `${kind} ${told(object)}`, () => resource.applyStatus(object, how)),
    patch: (ref, patch, how) => pass(ref, `${kind} finalizers`, () => resource.patch(ref, patch, how)),
    delete: (ref, how) => pass(ref, `delete ${kind}`, () => resource.delete(ref, how)),
  }
}

/** References are metadata themselves. */
function serverOf(kind: string, object: object): string {
  const { metadata, spec } = 'metadata' in object ? (object as Written) : { metadata: object as Partial<ObjectMeta> }
  const { name = '', namespace, ownerReferences } = metadata
  return keyOf({ namespace, name: kind === server.kind ? name : (spec?.server ?? ownerReferences?.[0]?.name ?? '') })
}

/** The news in a status: a record's phase; of a server the task, or else the deed that it is admitted to, or else its state. */
function told(object: object): string {
  const { phase, taskState, activeAction: action, vmState } = (object as Written).status ?? {}
  return phase ?? taskState ?? vmState ?? (action ? `admitted ${action.action}` : 'status')
}
