/** Everybody who may read Servers could read user data in their spec, so it is kept in a Secret. */
import { type Server, serverOwnerReference } from '../../../crds/index.ts'
import { newNameFor } from '../../state/names.ts'
import type { RouteRequest } from '../route.ts'

const TYPE = 'compute.kubenova.io/user-data'
const KEY = 'user-data'

export interface UserDataSecret {
  spec: { userDataFrom: { secretKeyRef: { name: string; key: string } } }
  /**
   * Creates the Secret. The servers own the Secret, so it is deleted with the last server. The controller places none
   * of the servers until the Secret exists.
   */
  createFor(servers: readonly Server[]): Promise<void>
}

/** The Secret for the user data of a request; undefined without user data. */
export function userDataSecret(
  userData: string | undefined,
  serverName: string,
  { state }: Pick<RouteRequest<never>, 'state'>,
): UserDataSecret | undefined {
  if (userData === undefined || userData === '') return undefined
  const name = newNameFor(`${serverName}-user-data`)
  const data = { [KEY]: userData.replaceAll(/\s/g, '') }
  return {
    spec: { userDataFrom: { secretKeyRef: { name, key: KEY } } },
    async createFor(servers) {
      const ownerReferences = servers.map((server) => serverOwnerReference(server))
      await state.writeSecrets().create({ metadata: { name, ownerReferences }, type: TYPE, data })
    },
  }
}
