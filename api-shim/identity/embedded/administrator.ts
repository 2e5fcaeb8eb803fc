/**
 * Writes of the identity API. They are made as the caller, who also gets a group: only this group has the rights for
 * them, and admission policies limit them to what the identity API manages (crds/access/identity-admin.yaml). So an
 * administrator has these rights only through the shim, and not with kubectl. The API server cannot tell who may get
 * the group: the shim gives it only to callers with the role admin.
 */
import type { Kube } from '../../../kube/client.ts'
import type { StoreDef } from '../../../kube/store.ts'
import type { KubeObject } from '../../../kube/types.ts'
import { newForbidden } from '../../http/fault.ts'
import type { KubernetesUser } from '../../state/access.ts'
import type { CallerState, State, Writer } from '../../state/state.ts'
import { type Caller, isAdmin } from '../caller.ts'

export const ADMINISTRATORS_GROUP = 'kubenova:identity-admins'

export class Administrator {
  readonly kube: Kube
  readonly state: CallerState
  readonly #kubernetes: KubernetesUser

  /** Throws a 403 unless the caller is an administrator. */
  constructor(state: State, caller: Caller) {
    if (!isAdmin(caller)) throw newForbidden('Only administrators change projects, users and roles.')
    const kubernetes = { ...caller.kubernetes, groups: [...caller.kubernetes.groups, ADMINISTRATORS_GROUP] }
    this.#kubernetes = kubernetes
    this.kube = state.kube.as(kubernetes)
    this.state = state.forCaller({ ...caller, kubernetes })
  }

  write<T extends KubeObject>(def: StoreDef<T>): Writer<T> {
    return this.state.write(def)
  }

  /** Throws a 403 unless the API server would let the administrator delete objects of this kind. */
  async checkDeletion({ kind }: StoreDef<KubeObject>): Promise<void> {
    if (await this.state.shared.access.isAllowed(this.#kubernetes, { verb: 'delete', kind })) return
    throw newForbidden(`This cloud does not let clients delete ${kind.plural}: ask an operator.`)
  }
}
