import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { computeTypeOf, documentTypeOf, versionInType } from './http/accept.ts'
import { Fault } from './http/fault.ts'
import { hideContentType, incomingOf, limitBodyTime, mountRoutes, newRequestId, sendAnswer } from './http/mount.ts'
import { type Profile, profiles } from './http/profile.ts'
import { rejectToken } from './http/serve.ts'
import { serviceDocuments } from './http/service-documents.ts'
import { renderNotFoundPage } from './http/unrouted.ts'
import { renderChoices, renderVersion, renderVersions } from './http/version-documents.ts'
import { openApiDocument } from './openapi/document.ts'
import { allRoutes } from './routes/index.ts'
import type { Route } from './routes/route.ts'
import type { Services } from './services.ts'

/** The longest body in bytes, as in the middleware in front of Nova. Uploads of images have their own limit. */
const MAX_BODY_BYTES = 114_688
/** A name in a path may have 255 characters of up to four bytes. */
const MAX_PARAMETER_LENGTH = 1024

export interface ServerOptions {
  /** All routes by default; tests mount others. */
  routes?: readonly Route[]
  https?: { cert: Buffer; key: Buffer }
  /** Whether X-Forwarded-Proto and X-Forwarded-Host tell the address that the client used. */
  trustProxy?: boolean
}

export function createServer(
  services: Services,
  { routes = allRoutes, https, trustProxy = false }: ServerOptions = {},
): FastifyInstance {
  // The types of fastify distinguish HTTP servers from HTTPS servers. For routes there is no difference, so cast to one
  // of the types.
  const app = fastify({
    ...(https ? { https } : {}),
    trustProxy,
    bodyLimit: MAX_BODY_BYTES,
    genReqId: newRequestId,
    requestTimeout: 0,
    // A client may still have a connection when its Pod stops. Its last request there is answered, and the connection
    // ends with the answer.
    return503OnClosing: false,
    routerOptions: { ignoreDuplicateSlashes: true, maxParamLength: MAX_PARAMETER_LENGTH },
    exposeHeadRoutes: false,
    rewriteUrl: ({ url = '/' }) => decodeSlashes(url),
    frameworkErrors: (_error, request, reply) => void answerUnrouted(services, request, reply),
  }) as FastifyInstance
  app.addHook('onRequest', async (request) => {
    hideContentType(request)
    limitBodyTime(request)
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.setErrorHandler((error, request, reply) => answerFrameworkError(error, request, reply, services))
  app.setNotFoundHandler((request, reply) => answerUnrouted(services, request, reply))
  mountVersionDocuments(app, services)
  mountOpenApi(app, routes, services)
  for (const profile of profiles) mountRoutes(app, profile, routes, services)
  return app
}

/** As in Nova, an encoded slash in the path separates as a slash does. */
function decodeSlashes(url: string): string {
  if (!url.startsWith('/compute/')) return url
  const [path = '', ...query] = url.split('?')
  return [path.replaceAll(/%2f/gi, '/'), ...query].join('?')
}

const sendJson = (
  reply: FastifyReply,
  status: number,
  document: object,
  contentType = 'application/json',
): FastifyReply =>
  reply
    .code(status)
    .header('content-type', contentType)
    .send(Buffer.from(JSON.stringify(document)))

/** As in OpenStack, only the documents of versions are also found with a slash at the end. */
const withAndWithoutSlash = (path: string): string[] => [path, `${path}/`]

const documentMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

function mountVersionDocuments(app: FastifyInstance, { publicUrl }: Services): void {
  const addressOf = (request: FastifyRequest): string => publicUrl ?? incomingOf(request).address
  for (const url of withAndWithoutSlash('/compute'))
    app.route({
      method: [...documentMethods],
      url,
      handler: async (request, reply) => {
        const named = profileInHeaders(request)
        if (named) return sendAnswer(reply, answerVersion(named, request, addressOf(request)))
        const versions = renderVersions(`${addressOf(request)}/compute`)
        return sendJson(reply, 200, versions, documentTypeOf(request.headers.accept))
      },
    })
  for (const { path, status, render } of serviceDocuments)
    for (const url of withAndWithoutSlash(path))
      app.get(url, async (request, reply) => sendJson(reply, status, render(addressOf(request))))
  for (const profile of profiles.filter(({ service }) => service === 'compute'))
    for (const url of withAndWithoutSlash(`${profile.root}${profile.version}`))
      app.route({
        method: [...documentMethods],
        url,
        handler: async (request, reply) => sendAnswer(reply, answerVersion(profile, request, addressOf(request))),
      })
}

/**
 * Serves the OpenAPI document without asking for a token. The document is made for the first request and not at the
 * start, because making it takes 0.1 s.
 */
function mountOpenApi(app: FastifyInstance, routes: readonly Route[], { publicUrl }: Services): void {
  let document: object | undefined
  app.get('/openapi.json', async (request, reply) => {
    document ??= openApiDocument(routes)
    return sendJson(reply, 200, { ...document, servers: [{ url: publicUrl ?? incomingOf(request).address }] })
  })
}

/** Outside of all versions, a header of the request may name the version of the Compute API. */
function profileInHeaders(request: FastifyRequest): Profile | undefined {
  const { 'content-type': contentType, accept } = incomingOf(request).headers
  const version = versionInType(contentType as string | undefined) ?? versionInType(accept as string | undefined)
  return profiles.find((profile) => profile.service === 'compute' && profile.version === `/v${version}`)
}

function answerVersion(profile: Profile, request: FastifyRequest, address: string): ReturnType<typeof rejectToken> {
  const id = profile.version === '/v2' ? 'v2.0' : 'v2.1'
  try {
    const headers = profile.versionHeaders(profile.negotiate(request.headers))
    const body = JSON.stringify(renderVersion(`${address}${profile.root}`, id, profile.version.slice(1)))
    const { accept } = request.headers
    const contentType = request.url.endsWith('/') ? documentTypeOf(accept) : computeTypeOf(accept)
    return { status: 200, headers: { 'content-type': contentType, ...headers }, body }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const { contentType, body } = profile.renderFault(error)
    return { status: error.status, headers: { 'content-type': contentType, ...error.headers }, body }
  }
}

const profileOf = (url: string): Profile | undefined =>
  profiles
    .toSorted((a, b) => b.version.length - a.version.length)
    .find(({ root, version }) => url.startsWith(`${root}${version}/`))

/**
 * An unknown path is a 401 without a token, otherwise a 404 page. Outside of all versions, the Compute API lists its
 * versions.
 */
async function answerUnrouted(services: Services, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { address, headers } = incomingOf(request)
  const [path = ''] = request.url.replaceAll(/\/{2,}/g, '/').split('?')
  if (request.method === 'OPTIONS') return reply.code(200).send('')
  const profile = profileOf(path)
  if (!profile && path.startsWith('/compute/')) {
    const named = profileInHeaders(request)
    if (named) return sendAnswer(reply, answerVersion(named, request, services.publicUrl ?? address))
    const root = `${services.publicUrl ?? address}/compute`
    const choices = renderChoices(root, path.slice('/compute'.length).replace(/\/$/, ''))
    return sendJson(reply, 300, choices, computeTypeOf(request.headers.accept))
  }
  const token = headers['x-auth-token']
  if (profile && !(await services.authenticator.authenticate(typeof token === 'string' ? token : '')))
    return sendAnswer(reply, rejectToken({ address }, services))
  const { contentType, body } = renderNotFoundPage(request.method === 'HEAD' ? '*/*' : request.headers.accept)
  return sendAnswer(reply, { status: 404, headers: { 'content-type': contentType }, body })
}

async function answerFrameworkError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  services: Services,
): Promise<FastifyReply> {
  const status = (error as { statusCode?: number }).statusCode ?? 500
  if (status >= 500) services.log.error({ err: error, requestId: request.id }, 'request failed')
  const fault =
    status === 413
      ? new Fault(413, 'Request is too large.')
      : status < 500
        ? new Fault(
            400,
            'The server could not comply with the request since it is either malformed or otherwise incorrect.',
          )
        : new Fault(500, 'The server has either erred or is incapable of performing the requested operation.')
  const profile = profileOf(request.url) ?? profiles[0]
  const { contentType, body } = profile?.renderFault(fault) ?? { contentType: 'text/plain', body: fault.message }
  return sendAnswer(reply, { status: fault.status, headers: { 'content-type': contentType }, body })
}
