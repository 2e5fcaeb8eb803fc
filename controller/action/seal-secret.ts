/**
 * Encrypts ("seals") the value of the Secret that a request names, so that only the agent of the server's host can
 * decrypt it.
 */
import { type SealBinding, sealSecret } from '../../actions/sealed-secret.ts'
import { Refused, type Server, type ServerAction, secretTypes } from '../../crds/index.ts'
import type { Secret } from '../../kube/builtin-kinds.ts'
import { ignoreNotFound } from '../../kube/errors.ts'
import { belongsToOthers, readSecret, type SecretReader } from '../read-secret.ts'
import type { Stores } from '../stores.ts'

const MAX_BYTES = 1024

export interface SealDeps {
  stores: Pick<Stores, 'hypervisors'>
  secrets: SecretReader
}

/**
 * Returns the encrypted value.
 * @throws Refused error (the request is rejected) if there is no value that may be sent to the guest
 */
export async function sealNamedSecret(
  request: ServerAction,
  server: Server,
  reference: { name: string; key: string },
  deps: SealDeps,
): Promise<string> {
  const sealingKey = await findSealingKey(server.status?.host ?? '', deps)
  const { namespace } = request.metadata
  const secret = await readSecret({ name: reference.name, namespace }, deps.secrets, 'then request again')
  if (secret && belongsToOthers(secret, server))
    throw new Refused('SecretInvalid', `Secret ${reference.name} belongs to another server: create one for this server`)
  return sealSecret(readValue(secret, reference), sealingKey, bindingOf(request, server))
}

/**
 * The host's public key. A rejection is final, so the Hypervisor is read from the API server if the cache shows no key.
 */
async function findSealingKey(host: string, { stores: { hypervisors } }: SealDeps): Promise<string> {
  const cached = hypervisors.cache.get(host)?.status?.sealingKey
  if (cached !== undefined) return cached
  const live = await ignoreNotFound(hypervisors.api.get({ name: host }))
  if (live?.status?.sealingKey !== undefined) return live.status.sealingKey
  throw new Refused(
    'SealingKeyMissing',
    `the agent of ${host} has not published a sealing key: update it, then request again`,
  )
}

/** The encrypted value can be decrypted only for this server and this request. */
const bindingOf = (request: ServerAction, server: Server): SealBinding => ({
  server: server.metadata.uid ?? '',
  request: request.metadata.uid ?? '',
})

/** @throws Refused error if the value cannot be used; its message contains nothing of the value */
function readValue(secret: Secret | undefined, { name, key }: { name: string; key: string }): string {
  if (!secret) throw new Refused('SecretNotFound', `there is no Secret ${name} in this namespace`)
  if (secret.type !== secretTypes.password)
    throw new Refused('SecretInvalid', `Secret ${name} is not of the type ${secretTypes.password}: create one that is`)
  const data = secret.data?.[key]
  if (data === undefined) throw new Refused('SecretNotFound', `Secret ${name} has no key ${key}`)
  const bytes = Buffer.from(data, 'base64')
  const value = bytes.toString('utf8')
  const isText = Buffer.from(value).equals(bytes) && !/[\0\r\n]/.test(value)
  if (!isText || bytes.length === 0 || bytes.length > MAX_BYTES) {
    const message = `key ${key} of Secret ${name} must be 1 to ${MAX_BYTES} bytes of text without line breaks`
    throw new Refused('SecretInvalid', message)
  }
  return value
}
