/**
 * Writes of the identity API. They are made as the caller, who also gets a group: only this group has the rights for
 * them, and admission policies limit them to what the identity API manages (crds/access/identity-admin.yaml). So an
 * administrator has these rights only through the shim, and not with kubectl.
 */
import type { Kube } from '../../../kube/client.ts'
import type { StoreDef } from '../../../kube/store.ts'
import type { KubeObject } from '../../../kube/types.ts'
import type { CallerState, State, Writer } from '../../state/state.ts'
import type { Caller } from '../caller.ts'

export const ADMINISTRATORS_GROUP = 'kubenova:identity-admins'

export class Administrator {
  readonly kube: Kube
  readonly #state: CallerState

  constructor(state: State, caller: Caller) {
    const kubernetes = { ...caller.kubernetes, groups: [...caller.kubernetes.groups, ADMINISTRATORS_GROUP] }
    this.kube = state.kube.as(kubernetes)
    this.#state = state.forCaller({ ...caller, kubernetes })
  }

  write<T extends KubeObject>(def: StoreDef<T>): Writer<T> {
    return this.#state.write(def)
  }
}
