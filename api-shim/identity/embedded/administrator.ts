/**
 * Writes of the identity API. They are made as the caller, who also gets a group: only this group has the rights for
 * them, and admission policies limit them to what the identity API manages (crds/access/identity-admin.yaml). So an
 * administrator has these rights only through the shim, and not with kubectl.
 */
import type { Kube } from '../../../kube/client.ts'
import type { StoreDef } from '../../../kube/store.ts'
import { type Draft, type KubeObject, keyOf, type Ref } from '../../../kube/types.ts'
import { rethrowAsFault } from '../../state/errors.ts'
import type { State } from '../../state/state.ts'
import type { Caller } from '../caller.ts'

export const ADMINISTRATORS_GROUP = 'kubenova:identity-admins'

export class Administrator {
  readonly kube: Kube
  readonly #state: State

  constructor(state: State, { kubernetes }: Caller) {
    this.#state = state
    this.kube = state.kube.as({ ...kubernetes, groups: [...kubernetes.groups, ADMINISTRATORS_GROUP] })
  }

  async create<T extends KubeObject>(def: StoreDef<T>, object: Draft<T>): Promise<T> {
    return this.#seen(def, await rethrowAsFault(this.kube.resource(def.kind).create(object)))
  }

  async patch<T extends KubeObject>(def: StoreDef<T>, ref: Ref, patch: object): Promise<T> {
    return this.#seen(def, await rethrowAsFault(this.kube.resource(def.kind).patch(ref, patch)))
  }

  async delete<T extends KubeObject>(def: StoreDef<T>, { metadata }: KubeObject): Promise<void> {
    const { name, namespace, uid } = metadata
    await rethrowAsFault(this.kube.resource(def.kind).delete({ name, namespace }, { preconditions: { uid } }))
    await this.#state.waiterOf(def)?.waitForDeletion(keyOf(metadata), uid)
  }

  async #seen<T extends KubeObject>(def: StoreDef<T>, object: T): Promise<T> {
    await this.#state.waiterOf(def)?.waitForWrite(object)
    return object
  }
}
