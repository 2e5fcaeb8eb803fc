/**
 * Reads the Secret that a request names, and seals its value for the host of the server: only that host's agent can
 * open it.
 */
import { actions, isActionName } from '../../actions/index.ts'
import { type SealBinding, sealSecret } from '../../actions/sealed-secret.ts'
import type { Reason, Server, ServerAction } from '../../crds/index.ts'
import type { Secret } from '../../kube/builtin-kinds.ts'
import { ignoreNotFound, isForbidden } from '../../kube/errors.ts'
import type { Resource } from '../../kube/resource.ts'
import type { Ref } from '../../kube/types.ts'
import type { Stores } from '../stores.ts'

/**
 * The type of a Secret whose value may be sent to a guest. Without it, a user who may create ServerActions but not read
 * Secrets could have any Secret of the namespace sent to a guest.
 */
const PASSWORD_TYPE = 'compute.kubenova.io/password'
const MAX_BYTES = 1024

export interface SealDeps {
  stores: Pick<Stores, 'hypervisors'>
  secrets: Pick<Resource<Secret>, 'get'>
}

interface Rejection {
  reason: Reason
  message: string
}

export type SlotParams = { params: Record<string, unknown> } | { rejection: Rejection }

/**
 * The parameters that the agent gets: those of the request, and the value of the Secret that it names in sealed form.
 */
export async function slotParamsOf(request: ServerAction, server: Server, deps: SealDeps): Promise<SlotParams> {
  const { action } = request.spec
  const params = (request.spec[action] ?? {}) as Record<string, unknown>
  const reference = isActionName(action) ? actions[action].sealedSecret?.(params) : undefined
  if (!reference) return { params }
  const host = server.status?.host ?? ''
  const sealingKey = deps.stores.hypervisors.cache.get(host)?.status?.sealingKey
  if (sealingKey === undefined)
    return rejectWith(
      'SealingKeyMissing',
      `the agent of ${host} has not published a sealing key: update it, then request again`,
    )
  const { namespace } = request.metadata
  const secret = await readSecret({ name: reference.name, namespace }, deps)
  const value = secret === 'forbidden' ? forbiddenToRead(reference.name) : readValue(secret, reference)
  if (typeof value !== 'string') return { rejection: value }
  return { params: { ...params, sealed: await sealSecret(value, sealingKey, bindingOf(request, server)) } }
}

async function readSecret(ref: Ref, { secrets }: SealDeps): Promise<Secret | 'forbidden' | undefined> {
  try {
    return await ignoreNotFound(secrets.get(ref))
  } catch (error) {
    if (isForbidden(error)) return 'forbidden'
    throw error
  }
}

/** Only an operator can help, and may take long: the request is rejected, so that its user knows. */
const forbiddenToRead = (name: string): Rejection => ({
  reason: 'SecretForbidden',
  message: `the controller may not read Secret ${name}: apply its ClusterRole and its binding (crds/access/controller.yaml) again, then request again`,
})

/** The sealed value is worth nothing for another server or another request. */
const bindingOf = (request: ServerAction, server: Server): SealBinding => ({
  server: server.metadata.uid ?? '',
  request: request.metadata.uid ?? '',
})

const rejectWith = (reason: Reason, message: string): { rejection: Rejection } => ({ rejection: { reason, message } })

/** The value of the key, or why it cannot be used. No message has anything of the value. */
function readValue(secret: Secret | undefined, { name, key }: { name: string; key: string }): string | Rejection {
  if (!secret) return { reason: 'SecretNotFound', message: `there is no Secret ${name} in this namespace` }
  if (secret.type !== PASSWORD_TYPE)
    return {
      reason: 'SecretInvalid',
      message: `Secret ${name} is not of the type ${PASSWORD_TYPE}: create one that is`,
    }
  const data = secret.data?.[key]
  if (data === undefined) return { reason: 'SecretNotFound', message: `Secret ${name} has no key ${key}` }
  const bytes = Buffer.from(data, 'base64')
  const value = bytes.toString('utf8')
  const isText = Buffer.from(value).equals(bytes) && !/[\0\r\n]/.test(value)
  if (!isText || bytes.length === 0 || bytes.length > MAX_BYTES) {
    const message = `key ${key} of Secret ${name} must be 1 to ${MAX_BYTES} bytes of text without line breaks`
    return { reason: 'SecretInvalid', message }
  }
  return value
}
