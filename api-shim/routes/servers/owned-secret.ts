/** Keeps what is secret in a request in a Secret, because everybody who may read Servers could read it there. */
import { OWNERS_ONLY_LABEL, type Server, serverOwnerReference } from '../../../crds/index.ts'
import type { Secret } from '../../../kube/builtin-kinds.ts'
import { newNameFor } from '../../state/names.ts'
import type { RouteRequest } from '../route.ts'

export interface OwnedSecret<Spec extends object> {
  /** The field of the Server's spec that refers to the Secret. */
  spec: Spec
  /** Throws the fault that its creation would throw. */
  checkCreation(): Promise<void>
  /**
   * Creates the Secret. It belongs to the servers, so that it goes with the last of them. Until it exists, the
   * controller does not place them.
   */
  createFor(servers: readonly Server[]): Promise<Secret>
}

interface SecretContent {
  /** The beginning of its name. */
  prefix: string
  type: string
  /** In base64. */
  data: Record<string, string>
}

export function newOwnedSecret<Spec extends object>(
  { prefix, type, data }: SecretContent,
  { state }: Pick<RouteRequest<never>, 'state'>,
  specFor: (name: string) => Spec,
): OwnedSecret<Spec> {
  const name = newNameFor(prefix)
  const labels = { [OWNERS_ONLY_LABEL]: 'true' }
  return {
    spec: specFor(name),
    checkCreation: () => state.writeSecrets().checkCreation({ metadata: { name, labels }, type, data }),
    createFor(servers) {
      const ownerReferences = servers.map((server) => serverOwnerReference(server))
      const namespace = servers[0]?.metadata.namespace
      return state.writeSecrets().create({ metadata: { name, namespace, labels, ownerReferences }, type, data })
    },
  }
}
