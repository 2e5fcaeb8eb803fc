/**
 * Encrypts ("seals") the credentials in the Secret that an Image names, for one Server and one host's agent
 * (docs/adr/0031). The agent sends them only to the web server in the Image's URL.
 */
import { sealSecret } from '../actions/sealed-secret.ts'
import { CREDENTIALS_SECRET_TYPE, type Image, Refused, type Server } from '../crds/index.ts'
import type { Secret } from '../kube/builtin-kinds.ts'
import type { SealDeps } from './action/seal-secret.ts'
import { readSecret, type SecretReader } from './read-secret.ts'

/** The value of the header Authorization, not yet encrypted. */
type Authorization = string

const MAX_BYTES = 4096

/**
 * Returns the value of the header Authorization for the download of the image; undefined if the Image names no Secret.
 * @param next the end of the error message if the controller lacks the right to read the Secret, for example 'then
 * request again'
 * @throws Refused error if the Secret cannot be used; its message contains nothing of the Secret's values
 */
export async function readImageCredentials(
  image: Image,
  secrets: SecretReader,
  next: string,
): Promise<Authorization | undefined> {
  const { credentialsSecret, url } = image.spec
  if (credentialsSecret === undefined) return undefined
  const { namespace } = image.metadata
  const { name } = credentialsSecret
  const secret = await readSecret({ name, namespace }, secrets, next)
  if (!secret) {
    const message = `Image ${image.metadata.name} names Secret ${name}, and there is none in namespace ${namespace}: create it`
    throw new Refused('SecretNotFound', message)
  }
  if (secret.type !== CREDENTIALS_SECRET_TYPE)
    throw new Refused(
      'SecretInvalid',
      `Secret ${name} is not of the type ${CREDENTIALS_SECRET_TYPE}: create one that is`,
    )
  rejectOtherHost(secret, url)
  return authorizationOf(secret)
}

/**
 * Throws unless the key `host` of the Secret is the host in the Image's URL. Otherwise a user who may create Images but
 * not read Secrets could have the credentials sent to the user's own web server.
 */
function rejectOtherHost(secret: Secret, url: string): void {
  const host = valueOf(secret, 'host').toLowerCase().replace(/:443$/, '')
  const wanted = URL.parse(url)?.host
  if (wanted === undefined) throw new Refused('SecretInvalid', `the Image's URL has no valid host to send a Secret to`)
  if (host !== wanted) {
    const message = `key host of Secret ${secret.metadata.name} must be the host of the Image's URL, ${wanted}: the credentials are sent to no other`
    throw new Refused('SecretInvalid', message)
  }
}

function authorizationOf(secret: Secret): Authorization {
  const { name } = secret.metadata
  const { token, username, password } = secret.data ?? {}
  const isToken = token !== undefined
  if (isToken === (username !== undefined || password !== undefined))
    throw new Refused(
      'SecretInvalid',
      `Secret ${name} must have either the keys username and password, or the key token`,
    )
  if (isToken) return `Bearer ${valueOf(secret, 'token')}`
  const user = valueOf(secret, 'username')
  if (user.includes(':')) throw new Refused('SecretInvalid', `key username of Secret ${name} must have no colon`)
  return `Basic ${Buffer.from(`${user}:${valueOf(secret, 'password')}`).toString('base64')}`
}

function valueOf({ metadata: { name }, data }: Secret, key: string): string {
  const bytes = Buffer.from(data?.[key] ?? '', 'base64')
  const value = bytes.toString('utf8')
  const isText = Buffer.from(value).equals(bytes) && !/\p{Cc}/u.test(value)
  const isHeader = key !== 'token' || /^[\x21-\x7e]*$/.test(value)
  if (isText && isHeader && bytes.length > 0 && bytes.length <= MAX_BYTES) return value
  const message = `key ${key} of Secret ${name} must be 1 to ${MAX_BYTES} bytes of text without line breaks (a token: without blanks)`
  throw new Refused('SecretInvalid', message)
}

/**
 * Encrypts the authorization for the agent of `host`, which can decrypt it only for this Server and this Image.
 * @throws Refused error with the code SealingKeyMissing if the agent has published no key
 */
export function sealAuthorization(
  authorization: Authorization,
  { image, server, host }: { image: Image; server: Server; host: string },
  { stores }: Pick<SealDeps, 'stores'>,
): Promise<string> {
  const sealingKey = stores.hypervisors.cache.get(host)?.status?.sealingKey
  if (sealingKey === undefined) {
    const message = `the agent of ${host} has not published a sealing key, so it cannot get the credentials of the Image: update it`
    throw new Refused('SealingKeyMissing', message)
  }
  const { metadata } = server
  return sealSecret(authorization, sealingKey, { server: metadata.uid ?? '', request: image.metadata.uid ?? '' })
}
