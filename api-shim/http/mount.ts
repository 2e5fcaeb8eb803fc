/** Mounts the routes on the HTTP server, which only finds the group of routes for a path; serve.ts does the rest. */
import { randomUUID } from 'node:crypto'
import { pipeline, Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Route } from '../routes/route.ts'
import type { Services } from '../services.ts'
import type { Profile } from './profile.ts'
import { type Incoming, type Outgoing, type RouteGroup, serveRequest } from './serve.ts'

/**
 * Matches only Nova's form of a project ID. So in a path without a project, the name of a resource is never taken for a
 * project ID.
 */
const PROJECT = ':project_id(^[0-9a-f-]+$)'

export function groupRoutes(routes: readonly Route[]): RouteGroup[] {
  const groups = new Map<string, [Route, ...Route[]]>()
  for (const route of routes) {
    const key = `${route.service} ${route.method} ${route.path.replaceAll(/\{[^}]*\}/g, '{}')}`
    const group = groups.get(key)
    if (group) group.push(route)
    else groups.set(key, [route])
  }
  return [...groups.values()]
}

export function mountRoutes(
  app: FastifyInstance,
  profile: Profile,
  routes: readonly Route[],
  services: Services,
): void {
  const prefixes = [`${profile.root}${profile.version}`]
  if (profile.hasProjectInPath) prefixes.push(`${profile.root}${profile.version}/${PROJECT}`)
  const groups = groupRoutes(routes.filter(({ service }) => service === profile.service))
  const mount = (target: FastifyInstance, group: RouteGroup, prefix: string): FastifyInstance =>
    target.route({
      method: group[0].method,
      url: prefix + group[0].path.replaceAll(/\{([^}]*)\}/g, ':$1'),
      config: { takesStream: group[0].takesStream === true },
      handler: async (request, reply) => {
        // The router finds `/things/{id}` also for `/things/`.
        if (Object.values(request.params as Record<string, string>).includes('')) return reply.callNotFound()
        return sendAnswer(reply, await serveRequest(profile, group, incomingOf(request), services))
      },
    })
  for (const prefix of prefixes) {
    for (const group of groups.filter(([{ takesStream }]) => !takesStream)) mount(app, group, prefix)
    app.register(async (child) => {
      child.removeAllContentTypeParsers()
      child.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
      for (const group of groups.filter(([{ takesStream }]) => takesStream)) mount(child, group, prefix)
    })
  }
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the handler reads the body itself. */
    takesStream?: boolean
  }
}

/** Milliseconds that a client may take to send a body that the shim keeps in memory. */
const BODY_TIMEOUT_MS = 60_000

/**
 * Ends the connection of a client that does not send its body in time. Node's own limit is off, because it would also
 * end uploads, which may take hours.
 */
export function limitBodyTime({ raw, routeOptions }: FastifyRequest): void {
  if (routeOptions.config.takesStream) return
  const timer = setTimeout(() => !raw.complete && raw.destroy(), BODY_TIMEOUT_MS).unref()
  raw.once('close', () => clearTimeout(timer))
}

/** The answer, the action records and the log contain this ID. */
export const newRequestId = (): string => `req-${randomUUID()}`

/** The Content-Type of each request that {@link hideContentType} has removed from fastify's headers. */
const contentTypes = new WeakMap<FastifyRequest, string>()

/** Makes fastify read every body as bytes: it would refuse some media types with a fault that is not Nova's. */
export function hideContentType(request: FastifyRequest): void {
  const { 'content-type': contentType } = request.headers
  if (contentType !== undefined) contentTypes.set(request, contentType)
  request.headers['content-type'] = 'application/octet-stream'
}

export function incomingOf(request: FastifyRequest): Incoming {
  const question = request.url.indexOf('?')
  return {
    method: request.method,
    params: request.params as Record<string, string>,
    queryText: question < 0 ? '' : request.url.slice(question + 1),
    headers: { ...request.headers, 'content-type': contentTypes.get(request) },
    ...(request.body instanceof Readable ? { body: undefined, stream: request.body } : { body: bytesOf(request) }),
    address: `${request.protocol}://${request.host}`,
    requestId: request.id,
  }
}

const bytesOf = ({ body }: FastifyRequest): Uint8Array | undefined => body as Uint8Array | undefined

/** Nova sends both at every microversion. */
export const requestIdHeaders = (requestId: string): Record<string, string> => ({
  'x-openstack-request-id': requestId,
  'x-compute-request-id': requestId,
})

/**
 * Writes the answer without fastify, which would drop the Content-Type of an answer without a body, and would add a
 * charset to the Content-Type of a text.
 */
export function sendAnswer(reply: FastifyReply, { status, headers, body = '' }: Outgoing): FastifyReply {
  const common = { ...requestIdHeaders(reply.request.id), ...headers }
  reply.hijack()
  if (body instanceof Readable) {
    reply.raw.writeHead(status, common)
    pipeline(body, reply.raw, () => undefined)
    return reply
  }
  const bytes = Buffer.from(body)
  const length = status === 204 ? {} : { 'content-length': bytes.length }
  reply.raw.writeHead(status, { ...common, ...length })
  reply.raw.end(bytes)
  return reply
}
