// Puts a gate before and after each effect of agent and controller: calls of the host's capabilities, and API writes of
// Servers, action records and Ports.
import type { Host } from '../../actions/host/index.ts'
import { wrapHost } from '../../actions/host/wrap.ts'
import { serverAction } from '../../actions/index.ts'
import type { ObjectMeta } from '../../crds/index.ts'
import { port, server } from '../../crds/index.ts'
import type { Kube } from '../../kube/client.ts'
import type { Resource } from '../../kube/resource.ts'
import { type KubeObject, keyOf, type ResourceDef } from '../../kube/types.ts'
import type { Gate } from './gate.ts'

export const gateHost = <H extends Host>(host: H, gate: Gate): H =>
  wrapHost(host, ({ name, kind, guest }, act) =>
    kind === 'effect' ? gate.pass(keyOf(guest.server.metadata), name, act) : act(),
  )

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

/** The part of a written object that identifies the write. */
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

/**
 * The news in a status: the phase of an action record, or the task of a Server, else its admitted action, else its
 * state.
 */
function told(object: object): string {
  const { phase, taskState, activeAction: action, vmState } = (object as Written).status ?? {}
  return phase ?? taskState ?? vmState ?? (action ? `admitted ${action.action}` : 'status')
}
