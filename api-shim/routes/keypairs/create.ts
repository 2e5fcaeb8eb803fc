/** POST /os-keypairs. */
import type { KeyPair } from '../../../crds/index.ts'
import { fingerprintOf } from '../../../crds/keypair-fingerprint.ts'
import type { Draft } from '../../../kube/types.ts'
import { badRequest, conflict, Fault, forbidden } from '../../http/fault.ts'
import { KEY_PAIR_USER } from '../../state/key-pair-owners.ts'
import { DISPLAY_NAME, isKubernetesName, newNameFor } from '../../state/names.ts'
import { isWithin, projectLimits } from '../../state/quotas.ts'
import { keyPairs } from '../../state/stores.ts'
import { renderNewKeyPair } from '../../views/keypairs.ts'
import { defineRoute, type RouteRequest } from '../route.ts'
import { findKeyPair, keyPairPolicy, keyPairsOf, targetUserOf } from './find.ts'
import { type GeneratedKey, generateSshKey } from './generate.ts'
import { type CreateKeyPairBody, createKeyPairBody } from './schemas.ts'

type Request = RouteRequest<CreateKeyPairBody>
type KeyPairType = KeyPair['spec']['type']

/** Throws Nova's 403 if the user has as many key pairs as the quota of the project allows. */
async function checkQuota(userId: string, request: Request): Promise<void> {
  const { key_pairs: limit } = projectLimits(request.state.namespace, request.services)
  const { length } = await keyPairsOf(userId, request)
  if (!isWithin(length + 1, limit)) throw forbidden('Quota exceeded, too many key pairs.')
}

/** The reasons that Nova gives for a key that cannot be read. */
const invalidSshKey = 'failed to generate fingerprint'
const noPem =
  'Unable to load PEM file. See https://cryptography.io/en/latest/faq/#why-can-t-i-import-my-pem-file for more details. MalformedFraming'

function invalidKey(type: KeyPairType, publicKey: string): Error {
  const cause = publicKey.includes('-----BEGIN') ? 'the certificate cannot be read' : noPem
  const reason = type === 'ssh' ? invalidSshKey : `failed to generate X509 fingerprint. Error message: ${cause}`
  return badRequest(`Keypair data is invalid: ${reason}`)
}

/** The key of the request, or a new one. Throws a 400 if the key cannot be read. */
async function keyFrom({ keypair }: CreateKeyPairBody, type: KeyPairType): Promise<Partial<GeneratedKey>> {
  const { public_key: publicKey } = keypair
  if (publicKey === undefined) {
    if (type === 'x509') throw badRequest('Certificates are not made by this server: give one as public_key.')
    return generateSshKey()
  }
  try {
    fingerprintOf({ type, publicKey })
    return { publicKey }
  } catch {
    throw invalidKey(type, publicKey)
  }
}

/**
 * The project in which a key pair of the user stands: the caller's, or for another user's key pair one in which that
 * user has a role, so that the user can use it.
 */
function namespaceFor(userId: string, { caller, state, services }: Request): string {
  const user = services.identity?.users().find(({ id }) => id === userId)
  if (userId === caller.user.id || !user) return state.namespace
  const names = (services.identity?.projectsOf(user) ?? []).map(({ name }) => name)
  return names.includes(state.namespace) ? state.namespace : (names[0] ?? state.namespace)
}

const isConflict = (error: unknown): boolean => error instanceof Fault && error.status === 409

/** Creates the object under the key pair's name, or under another one if the name is taken by another user's. */
async function createObject(draft: Draft<KeyPair>, name: string, { state }: Request): Promise<KeyPair> {
  const writer = state.write(keyPairs)
  const { metadata } = draft
  const createAs = (objectName: string): Promise<KeyPair> => {
    const display = objectName === name ? {} : { [DISPLAY_NAME]: name }
    const annotations = { ...metadata.annotations, ...display }
    return writer.create({ ...draft, metadata: { ...metadata, name: objectName, annotations } })
  }
  if (!isKubernetesName(name)) return createAs(newNameFor(name))
  try {
    return await createAs(name)
  } catch (error) {
    if (!isConflict(error)) throw error
    return createAs(newNameFor(name))
  }
}

export const keypairsCreate = defineRoute<CreateKeyPairBody>({
  name: 'keypairs:create',
  method: 'POST',
  path: '/os-keypairs',
  success: { '2.1': 200, '2.2': 201 },
  policy: keyPairPolicy('create'),
  body: createKeyPairBody,
  async handle(request) {
    const { body, version } = request
    const { name, type = 'ssh' } = body.keypair
    const userId = targetUserOf(request, 'create', body.keypair.user_id)
    await checkQuota(userId, request)
    const { publicKey = '', privateKey } = await keyFrom(body, type)
    if (await findKeyPair(name, userId, request)) throw conflict(`Key pair '${name}' already exists.`)
    const namespace = namespaceFor(userId, request)
    const metadata = { namespace, annotations: { [KEY_PAIR_USER]: userId } }
    const pair = await createObject({ metadata, spec: { type, publicKey } }, name, request)
    return { body: { keypair: renderNewKeyPair(pair, userId, version, privateKey) } }
  },
})
