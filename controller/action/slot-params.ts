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
  }
}

/**
 * Copies what the agent needs of the Image. If the cached Image cannot be used, the user may have changed or created it
 * just now. A rejection is final, so the Image is read from the API server before the request is rejected.
 */
async function resolveNamedImage(
  server: Server,
  { name, namespace = server.metadata.namespace ?? '' }: { name: string; namespace?: string },
  { stores: { images } }: SlotParamsDeps,
): Promise<Instance['image']> {
  const key = { namespace, name }
  const cached = images.cache.get(keyOf(key))
  if (cached && !findProblem(cached, server)) return copyImage(cached)
  const image = await ignoreNotFound(images.api.get(key))
  if (!image) throw new Refused('ImageNotFound', `there is no Image ${keyOf(key)}: name another one in a new request`)
  const problem = findProblem(image, server)
  if (problem) throw problem
  return copyImage(image)
}

const findProblem = (image: Image, { metadata, status }: Server): Refused | undefined =>
  status?.instance && findRescueProblem(image, status.instance, metadata.namespace ?? '')
