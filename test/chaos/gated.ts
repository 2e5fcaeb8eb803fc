// Agent and controller wait for the test (gate.ts) before and after each effect: calls that change the host, and API
// writes of Servers, ServerActions and Ports.
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
    kind === 'effect' ? gate.runGated(keyOf(guest.server.metadata), name, act) : act(),
  )

/** Objects of other kinds belong to no server, so the tests do not kill processes at their writes. */
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

interface Written {
  metadata: Partial<ObjectMeta>
  spec?: { server?: string; action?: string }
  status?: { taskState?: string; vmState?: string; phase?: string; activeAction?: { action: string } }
}

function gateResource<T extends KubeObject>(resource: Resource<T>, gate: Gate): Resource<T> {
  const { kind } = resource.def
  const gated = <R>(object: object, name: string, act: () => Promise<R>): Promise<R> =>
    gate.runGated(serverOf(kind, object), name, act)
  return {
    ...resource,
    create: (object, options) => gated(object, `create ${kind}`, () => resource.create(object, options)),
    update: (object, options) => gated(object, `update ${kind}`, () => resource.update(object, options)),
    apply: (object, options) =>
      gated(object, `${kind} ${describeWrittenStatus(object)}`, () => resource.apply(object, options)),
    applyStatus: (object, options) =>
      gated(object, `${kind} ${describeWrittenStatus(object)}`, () => resource.applyStatus(object, options)),
    patch: (ref, patch, options) => gated(ref, `${kind} finalizers`, () => resource.patch(ref, patch, options)),
    delete: (ref, options) => gated(ref, `delete ${kind}`, () => resource.delete(ref, options)),
  }
}

/**
 * Returns the server's key, NAMESPACE/NAME.
 * @param object the written object, or a reference to it
 */
function serverOf(kind: string, object: object): string {
  const { metadata, spec } = 'metadata' in object ? (object as Written) : { metadata: object as Partial<ObjectMeta> }
  const { name = '', namespace, ownerReferences } = metadata
  return keyOf({ namespace, name: kind === server.kind ? name : (spec?.server ?? ownerReferences?.[0]?.name ?? '') })
}

function describeWrittenStatus(object: object): string {
  const { phase, taskState, activeAction: action, vmState } = (object as Written).status ?? {}
  return phase ?? taskState ?? vmState ?? (action ? `admitted ${action.action}` : 'status')
}
