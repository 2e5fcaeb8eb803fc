/** Keeps the user data of a request in a Secret, because everybody who may read Servers could read it there. */
import { newNameFor } from '../../state/names.ts'
import type { RouteRequest } from '../route.ts'

const TYPE = 'compute.kubenova.io/user-data'
const KEY = 'user-data'

/** Creates the Secret, and returns the field of the Server's spec that refers to it; nothing without user data. */
export async function createUserData(
  userData: string | undefined,
  serverName: string,
  { state }: Pick<RouteRequest<never>, 'state'>,
): Promise<object> {
  if (userData === undefined || userData === '') return {}
  const name = newNameFor(`${serverName}-user-data`)
  await state.writeSecrets().create({ metadata: { name }, type: TYPE, data: { [KEY]: userData.replaceAll(/\s/g, '') } })
  return { userDataFrom: { secretKeyRef: { name, key: KEY } } }
}
