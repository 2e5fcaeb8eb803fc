/** POST /os-keypairs. */
import { createHash } from 'node:crypto'
import type { KeyPair } from '../../../crds/index.ts'
import { fingerprintOf } from '../../../crds/keypair-fingerprint.ts'
import type { Draft } from '../../../kube/types.ts'
import { type Fault, newBadRequest, newConflict, newForbidden } from '../../http/fault.ts'
import { createObject } from '../../state/create-object.ts'
import { KEY_PAIR_USER } from '../../state/key-pair-owners.ts'
import { DISPLAY_NAME, isKubernetesName, newNameFor } from '../../state/names.ts'
import { isWithin, projectLimits } from '../../state/quotas.ts'
import { keyPairs } from '../../state/stores.ts'
import { renderNewKeyPair } from '../../views/keypairs.ts'
import { defineRoute, type RouteRequest } from '../route.ts'
import { generateCertificate } from './certificate.ts'
import { findKeyPair, keyPairPolicy, keyPairsOf, targetUserOf } from './find.ts'
import { type GeneratedKey, generateSshKey } from './generate.ts'
import { type CreateKeyPairBody, createKeyPairBody } from './schemas.ts'

type Request = RouteRequest<CreateKeyPairBody>
type KeyPairType = KeyPair['spec']['type']

/** Throws Nova's 403 if the user has as many key pairs as the project's quota allows. */
async function checkQuota(userId: string, request: Request): Promise<void> {
  const { key_pairs: limit } = projectLimits(request.state.namespace, request.services)
  const { length } = await keyPairsOf(userId, request)
  if (!isWithin(length + 1, limit)) throw newForbidden('Quota exceeded, too many key pairs.')
}

/** Nova's messages for a key that cannot be read. */
const invalidSshKey = 'failed to generate fingerprint'
const noPem =
  'Unable to load PEM file. See https://cryptography.io/en/latest/faq/#why-can-t-i-import-my-pem-file for more details. MalformedFraming'

function invalidKey(type: KeyPairType, publicKey: string): Error {
  const cause = publicKey.includes('-----BEGIN') ? 'the certificate cannot be read' : noPem
  const reason = type === 'ssh' ? invalidSshKey : `failed to generate X509 fingerprint. Error message: ${cause}`
  return newBadRequest(`Keypair data is invalid: ${reason}`)
}

/** Generates a key if the request has none. Throws a 400 if the request's key cannot be read. */
async function keyFrom({ body, services }: Request, type: KeyPairType, userId: string): Promise<Partial<GeneratedKey>> {
  const { public_key: publicKey } = body.keypair
  if (publicKey === undefined)
    return type === 'x509' ? generateCertificate(userId, services.clock.wall()) : generateSshKey()
  try {
    fingerprintOf({ type, publicKey })
    return { publicKey }
  } catch {
    throw invalidKey(type, publicKey)
  }
}

/**
 * The namespace for the key pair: the caller's project, or for another user's key pair one in which that user has a
 * role.
 */
function namespaceFor(userId: string, { caller, state, services }: Request): string {
  const user = services.identity?.users().find(({ id }) => id === userId)
  if (userId === caller.user.id || !user) return state.namespace
  const names = (services.identity?.projectsOf(user) ?? []).map(({ namespace }) => namespace)
  return names.includes(state.namespace) ? state.namespace : (names[0] ?? state.namespace)
}

/**
 * The key pair's name, if Kubernetes allows it and it is free. Otherwise a name derived from user and name, so that the
 * API server refuses a duplicate.
 */
function objectNameFor(name: string, userId: string, namespace: string, { state }: Request): string {
  const isFree = state.shared.storeOf(keyPairs).cache.get(`${namespace}/${name}`) === undefined
  if (isKubernetesName(name) && isFree) return name
  const hash = createHash('sha256').update(`${userId}\n${name.toLowerCase()}`).digest('hex')
  return newNameFor(name, hash.slice(0, HASH_LENGTH))
}
const HASH_LENGTH = 16

const alreadyExists = (name: string): Fault => newConflict(`Key pair '${name}' already exists.`)

function metadataFor(name: string, userId: string, request: Request): Draft<KeyPair>['metadata'] {
  const namespace = namespaceFor(userId, request)
  const objectName = objectNameFor(name, userId, namespace, request)
  const display = objectName === name ? {} : { [DISPLAY_NAME]: name }
  return { name: objectName, namespace, annotations: { [KEY_PAIR_USER]: userId, ...display } }
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
    const { publicKey = '', privateKey } = await keyFrom(request, type, userId)
    if (await findKeyPair(name, userId, request)) throw alreadyExists(name)
    const metadata = metadataFor(name, userId, request)
    const draft = { metadata, spec: { type, publicKey } }
    const pair = await createObject(request.state.write(keyPairs), draft, () => alreadyExists(name))
    return { body: { keypair: renderNewKeyPair(pair, userId, version, privateKey) } }
  },
})
