import type { FastifyInstance, FastifyRequest } from 'fastify'

export interface RecordedRequest {
  method: string
  /** With parameter names in place of values: `/servers/{server_id}/action`. */
  path: string
  action?: string
  status: number
}

const ROOT = '/compute/v2.1'

/** undefined: the route is not one of the Compute API. */
function pathOf({ routeOptions: { url = '' } }: FastifyRequest): string | undefined {
  const path = url.replace(/\/:project_id\([^)]*\)/, '').replaceAll(/:(\w+)/g, '{$1}')
  return path.startsWith(`${ROOT}/`) ? path.slice(ROOT.length) : undefined
}

function actionOf(path: string, body: unknown): object {
  if (!path.endsWith('/action') || !(body instanceof Buffer)) return {}
  const [action] = Object.keys(JSON.parse(body.toString()) as object)
  return { action }
}

export function recordRequests(app: FastifyInstance): () => RecordedRequest[] {
  let requests: RecordedRequest[] = []
  // The shim does not send its answers through fastify, so `onResponse` is the hook that sees the status.
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
