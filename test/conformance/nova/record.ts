/** Records the requests to the Compute API that the shim answers. */
import type { FastifyInstance, FastifyRequest } from 'fastify'

export interface RecordedRequest {
  method: string
  /** The path as routes have it: `/servers/{server_id}/action`. */
  path: string
  /** The key of the body that chooses the action. */
  action?: string
  status: number
}

const ROOT = '/compute/v2.1'

/** The path of the route; undefined if the request belongs to no route of the Compute API. */
function pathOf({ routeOptions: { url = '' } }: FastifyRequest): string | undefined {
  const path = url.replace(/\/:project_id\([^)]*\)/, '').replaceAll(/:(\w+)/g, '{$1}')
  return path.startsWith(`${ROOT}/`) ? path.slice(ROOT.length) : undefined
}

function actionOf(path: string, body: unknown): object {
  if (!path.endsWith('/action') || !(body instanceof Buffer)) return {}
  const [action] = Object.keys(JSON.parse(body.toString()) as object)
  return { action }
}

/** Returns a function that returns the requests since its last call. */
export function recordRequests(app: FastifyInstance): () => RecordedRequest[] {
  let requests: RecordedRequest[] = []
  // The shim sends its answers past fastify, so `onResponse` is the hook that sees the status.
  app.addHook('onResponse', async (request, reply) => {
    const path = pathOf(request)
    if (path === undefined) return
    requests.push({ method: request.method, path, ...actionOf(path, request.body), status: reply.raw.statusCode })
  })
  return () => {
    const taken = requests
    requests = []
    return taken
  }
}
