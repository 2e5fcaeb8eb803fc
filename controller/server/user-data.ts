/**
 * An agent cannot read Secrets. So the controller reads the user data from the Secret that spec.userDataFrom names,
 * encrypts it for the host, and puts it into a HostSecret (docs/adr/0035).
 */
import { encodeBundle } from '../../actions/injected-bundle.ts'
import { sealUserData } from '../../actions/sealed-secret.ts'
import {
  findCondition,
  type HostSecret,
  Refused,
  type Server,
  secretTypes,
  serverOwnerReference,
  Transient,
} from '../../crds/index.ts'
import type { Secret } from '../../kube/builtin-kinds.ts'
import { ignoreNotFound, isAlreadyExists, isConflict } from '../../kube/errors.ts'
import { done, type Outcome, wait } from '../../kube/outcome.ts'
import { keyOf } from '../../kube/types.ts'
import { belongsToOthers, readSecret, type SecretReader } from '../read-secret.ts'
import type { Stores } from '../stores.ts'
import { newNotOwned, readInjected } from './injected.ts'

export interface UserDataDeps {
  stores: Pick<Stores, 'hostSecrets' | 'hypervisors'>
  secrets: SecretReader
}

type SecretKeyRef = NonNullable<Server['spec']['userDataFrom']>['secretKeyRef']

/** The limit of Nova for user data; spec.userDataBase64 has the same limit. */
const MAX_BYTES = 65_535

/**
 * Reads the user data of a server from its Secret. Undefined: the server names no Secret, or one that is optional and
 * does not exist.
 * @throws Refused error if the server must wait until the Secret exists or has changed
 */
export async function readUserData(server: Server, deps: UserDataDeps): Promise<Uint8Array | undefined> {
  const userData = await readUserDataSecret(server, deps)
  const injected = await readInjected(server, deps)
  return injected ? encodeBundle({ ...injected, userData }) : userData
}

async function readUserDataSecret(server: Server, { secrets }: UserDataDeps): Promise<Uint8Array | undefined> {
  const { metadata, spec } = server
  const reference = spec.userDataFrom?.secretKeyRef
  if (!reference) return undefined
  const { name } = reference
  const secret = await readSecret(
    { name, namespace: metadata.namespace },
    secrets,
    'and the server continues by itself',
  )
  if (secret && belongsToOthers(secret, server)) throw newNotOwned(name)
  return userDataIn(secret, reference)
}

function userDataIn(secret: Secret | undefined, { name, key, optional = false }: SecretKeyRef): Buffer | undefined {
  if (secret && secret.type !== secretTypes.userData)
    throw new Refused(
      'UserDataSecretInvalid',
      `Secret ${name} is not of the type ${secretTypes.userData}: delete it and create one that is; the server waits for it`,
    )
  const data = secret?.data?.[key]
  if (data !== undefined) return checkSize(Buffer.from(data, 'base64'), name, key)
  if (optional) return undefined
  const message = secret
    ? `Secret ${name} has no key ${key}; the server waits for it`
    : `Secret ${name} does not exist; the server waits for it: create it with the type ${secretTypes.userData}`
  throw new Refused('UserDataSecretNotFound', message)
}

function checkSize(value: Buffer, name: string, key: string): Buffer {
  if (value.length <= MAX_BYTES) return value
  const message = `key ${key} of Secret ${name} has ${value.length} bytes, but user data has at most ${MAX_BYTES}: make it smaller; the server waits for it`
  throw new Refused('UserDataSecretInvalid', message)
}

/** The shortest and the longest time in milliseconds until the Secret of a waiting server is read again. */
const MIN_RETRY_MS = 200
const MAX_RETRY_MS = 60_000

const secretReasons: ReadonlySet<string> = new Set([
  'UserDataSecretNotFound',
  'UserDataSecretInvalid',
  'SecretNotFound',
  'SecretInvalid',
  'SecretForbidden',
  'SealingKeyMissing',
] satisfies Refused['code'][])

/**
 * Milliseconds until a placement that failed with this error is tried again; undefined if the error does not concern a
 * Secret. The controller polls, ever less often, because to watch Secrets it would need the right to read all of them.
 * @param now milliseconds since the epoch
 */
export function secretRetryDelay({ code }: Refused, server: Server, now: number): number | undefined {
  if (!secretReasons.has(code)) return undefined
  return Math.min(Math.max(unscheduledMs(server, now) / 2, MIN_RETRY_MS), MAX_RETRY_MS)
}

function unscheduledMs({ status }: Server, now: number): number {
  const since = findCondition(status?.conditions, 'Scheduled')?.lastTransitionTime
  return since === undefined ? 0 : now - Date.parse(since)
}

/** Milliseconds without its Secret after which a server is in error, though it still waits. */
const MISSING_MS = 300_000

/**
 * Whether the Secret has been missing for so long that it most likely never comes: for example, the API shim that was
 * about to create it has ended.
 * @param now milliseconds since the epoch
 */
export const isSecretLongMissing = ({ code }: Refused | Transient, server: Server, now: number): boolean =>
  code === 'UserDataSecretNotFound' && unscheduledMs(server, now) >= MISSING_MS

/**
 * To be called before the server is placed on the host, so that the agent finds the HostSecret as soon as it sees the
 * server.
 * @param isRepeated whether an earlier attempt may have written the same placement, so that the agent may have read the
 * HostSecret. One that was made for this host and its present key is then kept
 * @throws Transient error SealingKeyMissing (retried) if the host's agent has published no key
 */
export async function sendUserData(
  server: Server,
  host: string,
  userData: Uint8Array,
  deps: UserDataDeps,
  isRepeated = false,
): Promise<void> {
  const sealingKey = sealingKeyOf(host, deps)
  if (sealingKey === undefined)
    throw new Transient(
      'SealingKeyMissing',
      `the agent of ${host} has not published a sealing key: update it; the server waits for it`,
    )
  const { cache, api } = deps.stores.hostSecrets
  const existing = cache.get(keyOf(server.metadata))
  if (isRepeated && isMadeFor(existing, server, host, sealingKey)) return
  const { name, namespace, uid = '' } = server.metadata
  const isBundle = server.spec.injectedFrom !== undefined
  const sealed = await sealUserData(userData, sealingKey, { server: uid, isBundle })
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ownerReferences: [serverOwnerReference(server)],
  }
  const create = () => api.create({ metadata, spec: { host, sealingKey, sealed } })
  if (existing) await deleteHostSecret(existing, deps)
  try {
    await create()
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
    // A HostSecret with this name exists that the cache does not show yet.
    const live = await ignoreNotFound(api.get({ name, namespace }))
    if (isMadeFor(live, server, host, sealingKey)) return
    if (live) await deleteHostSecret(live, deps)
    await create()
  }
}

export async function withdrawUserData(server: Server, deps: UserDataDeps): Promise<void> {
  const existing = deps.stores.hostSecrets.cache.get(keyOf(server.metadata))
  if (existing) await deleteHostSecret(existing, deps)
}

/** Milliseconds until the Secret of a placed server is read again, if it was missing or could not be used. */
const RESEND_MS = 30_000

/**
 * Keeps the HostSecret of a placed server as long as the agent needs it (isAwaitedOnHost), and then deletes it. Creates
 * it again if it was deleted too early, or if the host has a new key.
 * @param onRefused called with the reason why there is no user data to send
 */
export async function reconcileHostSecret(
  server: Server,
  host: string,
  deps: UserDataDeps,
  onRefused: (error: Refused) => void,
): Promise<Outcome> {
  if (!isAwaitedOnHost(server)) {
    await withdrawUserData(server, deps)
    return done
  }
  const sealingKey = sealingKeyOf(host, deps)
  if (sealingKey === undefined) return wait(`the sealing key of ${host}`)
  if (isMadeFor(deps.stores.hostSecrets.cache.get(keyOf(server.metadata)), server, host, sealingKey)) return done
  try {
    const userData = await readUserData(server, deps)
    if (userData) await sendUserData(server, host, userData, deps)
    return userData ? done : wait('its optional Secret', RESEND_MS)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    onRefused(error)
    return wait('its Secret with user data', RESEND_MS)
  }
}

/**
 * The agent needs the HostSecret until the server is built, and again when it reports UserDataNotDelivered because it
 * has lost its copy.
 */
function isAwaitedOnHost({ status }: Server): boolean {
  if (status?.instance?.hasSecretUserData !== true) return false
  const isLost = findCondition(status.conditions, 'Ready')?.reason === 'UserDataNotDelivered'
  return status.launchedAt === undefined || isLost
}

const sealingKeyOf = (host: string, { stores }: UserDataDeps): string | undefined =>
  stores.hypervisors.cache.get(host)?.status?.sealingKey

const isMadeFor = (
  existing: HostSecret | undefined,
  { metadata: { uid } }: Server,
  host: string,
  sealingKey: string,
): boolean =>
  existing?.spec.host === host &&
  existing.spec.sealingKey === sealingKey &&
  existing.metadata.ownerReferences?.some((owner) => owner.uid === uid) === true

/** Deletes by uid, so that a newer HostSecret with the same name stays. */
async function deleteHostSecret({ metadata }: HostSecret, { stores }: UserDataDeps): Promise<void> {
  const { name, namespace, uid } = metadata
  const deletion = stores.hostSecrets.api.delete({ name, namespace }, { preconditions: { uid } })
  await ignoreNotFound(deletion).catch((error: unknown) => {
    if (!isConflict(error)) throw error
  })
}
