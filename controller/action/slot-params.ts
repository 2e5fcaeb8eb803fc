/**
 * Makes the action parameters that the agent gets: those of the request, and what the controller adds because an agent
 * may not read Secrets and Images.
 */
import { actions, isActionName } from '../../actions/index.ts'
import { type Image, type Instance, Refused, type Server, type ServerAction } from '../../crds/index.ts'
import { ignoreNotFound } from '../../kube/errors.ts'
import { keyOf } from '../../kube/types.ts'
import { findRescueProblem } from '../boot-problems.ts'
import { copyImage } from '../server/instance.ts'
import type { Stores } from '../stores.ts'
import { type SealDeps, sealNamedSecret } from './seal-secret.ts'

export interface SlotParamsDeps extends SealDeps {
  stores: Pick<Stores, 'hypervisors' | 'images'>
}

/**
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
  }
}

/**
 * Copies what the agent needs of the Image. If the cache does not have the Image, asks the API server for it: a
 * rejection is final, and the user may have created the Image just now.
 */
async function resolveNamedImage(
  { metadata, status }: Server,
  { name, namespace = metadata.namespace ?? '' }: { name: string; namespace?: string },
  { stores: { images } }: SlotParamsDeps,
): Promise<Instance['image']> {
  const key = { namespace, name }
  const image: Image | undefined = images.cache.get(keyOf(key)) ?? (await ignoreNotFound(images.api.get(key)))
  if (!image) throw new Refused('ImageNotFound', `there is no Image ${keyOf(key)}: name another one in a new request`)
  const problem = status?.instance && findRescueProblem(image, status.instance, metadata.namespace ?? '')
  if (problem) throw problem
  return copyImage(image)
}
