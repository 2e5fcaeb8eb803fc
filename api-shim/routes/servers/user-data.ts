/** Keeps the user data of a request in a Secret. */
import { secretTypes } from '../../../crds/index.ts'
import type { RouteRequest } from '../route.ts'
import { newOwnedSecret, type OwnedSecret } from './owned-secret.ts'

const KEY = 'user-data'

/** The Secret for the user data of a request; undefined without user data. */
export function userDataSecret(
  userData: string | undefined,
  serverName: string,
  request: Pick<RouteRequest<never>, 'state'>,
): OwnedSecret<{ userDataFrom: { secretKeyRef: { name: string; key: string } } }> | undefined {
  if (userData === undefined || userData === '') return undefined
  const data = { [KEY]: userData.replaceAll(/\s/g, '') }
  return newOwnedSecret({ prefix: `${serverName}-user-data`, type: secretTypes.userData, data }, request, (name) => ({
    userDataFrom: { secretKeyRef: { name, key: KEY } },
  }))
}
