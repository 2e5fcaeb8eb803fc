/**
 * Makes the parameters of an action for the agent. The controller adds data from Secrets and Images, which an agent may
 * not read.
 */
import { actions, isActionName } from '../../actions/index.ts'
import { type Image, type Instance, Refused, type Server, type ServerAction } from '../../crds/index.ts'
import { ignoreNotFound } from '../../kube/errors.ts'
import { keyOf } from '../../kube/types.ts'
import { findRescueProblem } from '../boot-problems.ts'
import { readImageCredentials, sealAuthorization } from '../image-credentials.ts'
import { copyImage } from '../server/instance.ts'
import type { Stores } from '../stores.ts'
import { type SealDeps, sealNamedSecret } from './seal-secret.ts'

export interface SlotParamsDeps extends SealDeps {
  stores: Pick<Stores, 'hypervisors' | 'images'>
}

/**
 * Returns the parameters for the server's slot, status.activeAction, from which the agent reads them.
 * @throws Refused error (the request is rejected) if a Secret or an Image that the request names does not exist or may
 * not be used
 */
export async function slotParamsOf(
  request: ServerAction,
  server: Server,
  deps: SlotParamsDeps,
): Promise<Record<string, unknown>> {
  const { action } = request.spec
  const params = (request.spec[action] ?? {}) as Record<string, unknown>
  if (!isActionName(action)) return params
  const secret = actions[action].sealedSecret?.(params)
  const image = actions[action].namedImage?.(params)
  return {
    ...params,
    ...(secret ? { sealed: await sealNamedSecret(request, server, secret, deps) } : {}),
    ...(image ? { resolvedImage: await resolveNamedImage(server, image, deps) } : {}),
    ...(action === 'start' ? await freshCredentials(server, deps) : {}),
  }
}

async function resolveNamedImage(
  server: Server,
  { name, namespace = server.metadata.namespace ?? '' }: { name: string; namespace?: string },
  deps: SlotParamsDeps,
): Promise<Instance['image']> {
  const image = await requireUsableImage(server, { namespace, name }, deps)
  return { ...copyImage(image), ...(await sealedCredentialsOf(image, server, deps)) }
}

/** A rejection is final, so an Image that seems unusable is first read again from the API server. */
async function requireUsableImage(
  server: Server,
  key: { namespace: string; name: string },
  { stores: { images } }: SlotParamsDeps,
): Promise<Image> {
  const cached = images.cache.get(keyOf(key))
  if (cached && !findProblem(cached, server)) return cached
  const image = await ignoreNotFound(images.api.get(key))
  if (!image) throw new Refused('ImageNotFound', `there is no Image ${keyOf(key)}: name another one in a new request`)
  const problem = findProblem(image, server)
  if (problem) throw problem
  return image
}

const findProblem = (image: Image, { metadata, status }: Server): Refused | undefined =>
  status?.instance && findRescueProblem(image, status.instance, metadata.namespace ?? '')

/** The credentials with which the agent may download the image; empty if the Image names no Secret. */
async function sealedCredentialsOf(
  image: Image,
  server: Server,
  deps: SlotParamsDeps,
): Promise<{ sealedCredentials?: string }> {
  const authorization = await readImageCredentials(image, deps.secrets, 'then request again')
  const host = server.status?.host
  if (authorization === undefined || host === undefined) return {}
  return { sealedCredentials: await sealAuthorization(authorization, { image, server, host }, deps) }
}

/**
 * Reads and encrypts the credentials for the image again, because the user may have corrected them since the Server was
 * placed. The agent prefers them to those in status.instance. A Server that was built without credentials needs none.
 */
async function freshCredentials(server: Server, deps: SlotParamsDeps): Promise<{ sealedCredentials?: string }> {
  const { launchedAt, instance } = server.status ?? {}
  if (!instance || (launchedAt !== undefined && instance.image.sealedCredentials === undefined)) return {}
  const { name, namespace, uid } = instance.image
  const image = await ignoreNotFound(deps.stores.images.api.get({ name, namespace }))
  return image?.metadata.uid === uid ? sealedCredentialsOf(image, server, deps) : {}
}
