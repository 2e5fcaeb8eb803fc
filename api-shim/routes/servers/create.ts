/** POST /servers. */
import { randomBytes } from 'node:crypto'
import type { Flavor, Server } from '../../../crds/index.ts'
import type { Draft } from '../../../kube/types.ts'
import { newBadRequest, newForbidden } from '../../http/fault.ts'
import { newNameFor } from '../../state/names.ts'
import { metadataLimit } from '../../state/quotas.ts'
import { annotationWith } from '../../state/recent-requests.ts'
import { annotationsFor } from '../../state/server-facts.ts'
import { servers, serversByUuid, uuidOf } from '../../state/stores.ts'
import { isTrue } from '../../validation/schema.ts'
import { isDefaultGroup } from '../../views/security-groups.ts'
import { findUsableFlavor } from '../flavors/find.ts'
import { findKeyPair } from '../keypairs/find.ts'
import { defineRoute, type RouteRequest } from '../route.ts'
import { checkBlockDevices } from './block-devices.ts'
import { checkSizes, findBootImage } from './boot-image.ts'
import { type CreateServerBody, createServerBody } from './create-schema.ts'
import { checkInjectedFiles, generatePassword, givesInjected, injectedSecret } from './injected.ts'
import { networksFrom } from './network-requests.ts'
import type { OwnedSecret } from './owned-secret.ts'
import { canonicalIPv6 } from './parameters.ts'
import { userDataSecret } from './user-data.ts'
import { checkDestination, checkZone } from './zones.ts'

type Request = RouteRequest<CreateServerBody>
type ServerSpec = NonNullable<Draft<Server>['spec']>
type Secrets = readonly Pick<OwnedSecret<object>, 'createFor'>[]

/** Each server is written by itself, so more would take longer than clients wait. */
const MAX_SERVERS = 100

async function findRequestedFlavor(request: Request): Promise<Flavor> {
  // As in Nova, the URL of a flavor is accepted, too.
  const id = String(request.body.server.flavorRef).split('/').at(-1) ?? ''
  const flavor = await findUsableFlavor(request, id)
  if (!flavor) throw newBadRequest(`Flavor ${id} could not be found.`)
  return flavor
}

async function keyNameFrom(request: Request): Promise<string | undefined> {
  const { key_name: name } = request.body.server
  if (name === undefined) return undefined
  const key = await findKeyPair(name, request.caller.user.id, request)
  if (!key) throw newBadRequest('Invalid key_name provided.')
  return key.metadata.name
}

function countsOf({ body: { server } }: Request): { least: number; most: number } {
  const least = Number(server.min_count ?? 1)
  const most = Number(server.max_count ?? Math.max(least, 1))
  if (least > most) throw newBadRequest('min_count must be <= max_count')
  if (most > 1 && server.hostname !== undefined)
    throw newBadRequest('Unable to allocate a single hostname to multiple instances')
  if (most > 1 && Array.isArray(server.networks) && server.networks.some(({ port }) => typeof port === 'string'))
    throw newBadRequest(
      'Failed to launch instances: Unable to launch multiple instances with a single configured port ID. Please launch your instance one by one with different ports.',
    )
  if (least > MAX_SERVERS)
    throw newForbidden(`Quota exceeded for instances: Requested ${least}, but one request can create ${MAX_SERVERS}.`)
  // As in Nova under a quota, a request for more servers than are allowed gets as many as are allowed.
  return { least, most: Math.min(most, MAX_SERVERS) }
}

/**
 * Translates the UUIDs in Nova's hints to names, because the scheduler knows servers by their names. The scheduler
 * knows only servers of the same project. There are no server groups, so a server cannot be in one.
 */
async function hintsFrom({ state, body }: Request): Promise<object> {
  const {
    same_host: same,
    different_host: different,
    group = '',
  } = body['os:scheduler_hints'] ?? body['OS-SCH-HNT:scheduler_hints'] ?? {}
  if (String(group) !== '') throw newBadRequest(`Instance group ${String(group)} could not be found.`)
  if (same === undefined && different === undefined) return {}
  const reader = await state.read(servers)
  const namesOf = (ids: unknown): string[] =>
    [ids].flat().flatMap((id) => reader.find(serversByUuid, String(id)).map(({ metadata }) => metadata.name))
  return {
    schedulerHints: {
      ...(same === undefined ? {} : { sameHost: namesOf(same) }),
      ...(different === undefined ? {} : { differentHost: namesOf(different) }),
    },
  }
}

function checkMetadata(request: Request): void {
  const limit = metadataLimit(request)
  if (Object.keys(request.body.server.metadata ?? {}).length > limit)
    throw newForbidden(`Maximum number of metadata items exceeds ${limit}`)
}

function checkSecurityGroups({ body: { server }, state }: Request): void {
  const { id } = state.shared.projectOf(state.namespace)
  // As in Nova, a group without a name is ignored.
  const unknown = server.security_groups?.find(({ name = '' }) => name !== '' && !isDefaultGroup(name, id))
  // Nova shows Neutron's message.
  if (unknown) throw newBadRequest(`Unable to find security_group with name or id '${unknown.name}'`)
}

async function specFrom(request: Request): Promise<ServerSpec> {
  const { body, state } = request
  const { server } = body
  checkMetadata(request)
  checkInjectedFiles(request)
  checkSecurityGroups(request)
  const flavor = await findRequestedFlavor(request)
  checkBlockDevices(server, flavor)
  const image = await findBootImage(request)
  checkSizes(flavor, image)
  checkDestination(server, request)
  const availabilityZone = checkZone(server.availability_zone, request)
  const keyName = await keyNameFrom(request)
  const isShared = image.metadata.namespace !== state.namespace
  return {
    flavor: flavor.metadata.name,
    image: { name: image.metadata.name, ...(isShared ? { namespace: image.metadata.namespace } : {}) },
    networks: await networksFrom(server.networks, request),
    configDrive:
      isTrue(server.config_drive) || keyName !== undefined || server.user_data !== undefined || givesInjected(server),
    ...(keyName === undefined ? {} : { keyName }),
    ...(availabilityZone === undefined ? {} : { availabilityZone }),
    ...descriptionOf(request),
    ...(await hintsFrom(request)),
  }
}

function descriptionOf({ body: { server } }: Request): object {
  const { description, hostname, metadata, tags } = server
  return {
    ...(typeof description === 'string' ? { description } : {}),
    ...(hostname === undefined ? {} : { hostname }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(tags === undefined ? {} : { tags: [...new Set(tags)] }),
  }
}

const newReservationId = (): string => `r-${Array.from(randomBytes(8), (byte) => (byte % 36).toString(36)).join('')}`

interface Created {
  first: Server
  reservationId: string
  /** Absent if passwords are switched off. */
  adminPassword?: string | undefined
}

async function createServers(request: Request): Promise<Created> {
  const { server } = request.body
  const { most } = countsOf(request)
  const spec = await specFrom(request)
  const { hasPasswords = true } = request.services
  const adminPassword = server.adminPass ?? (hasPasswords ? generatePassword() : undefined)
  const secrets = [
    userDataSecret(server.user_data, server.name, request),
    // Without a config drive, a password does not reach the guest: neither does it in Nova.
    spec.configDrive ? injectedSecret(server, adminPassword, request) : undefined,
  ].filter((secret) => secret !== undefined)
  const references = Object.assign({}, ...secrets.map((secret) => secret.spec)) as object
  const reservationId = newReservationId()
  const drafts = Array.from({ length: most }, (_, index) => {
    const displayName = most > 1 ? `${server.name}-${index + 1}` : server.name
    const metadata = { name: newNameFor(displayName), annotations: annotationsOf(request, reservationId, index) }
    return { metadata, spec: { ...spec, ...references, displayName } }
  })
  for (const secret of secrets) await secret.checkCreation()
  const [first] = await createAllOrNone(drafts, secrets, request)
  if (!first) throw newBadRequest('max_count must be at least 1')
  return { first, reservationId, adminPassword: hasPasswords ? adminPassword : undefined }
}

function annotationsOf(request: Request, reservationId: string, index: number): Record<string, string> {
  const { server } = request.body
  const facts = annotationsFor({
    userId: request.caller.user.id,
    reservationId,
    launchIndex: String(index),
    accessIPv4: server.accessIPv4,
    accessIPv6: canonicalIPv6(server.accessIPv6),
    diskConfig: server['OS-DCF:diskConfig'],
  })
  return { ...facts, ...annotationWith(undefined, 'create', request) }
}

/** Deletes the new servers after an error, because they would wait for their Secret for ever. */
async function createAllOrNone(
  drafts: readonly Draft<Server>[],
  secrets: Secrets,
  { state, log }: Request,
): Promise<Server[]> {
  const writer = state.write(servers)
  const created: Server[] = []
  try {
    for (const draft of drafts) created.push(await writer.create(draft))
    for (const secret of secrets) await secret.createFor(created)
    return created
  } catch (error) {
    const deletions = await Promise.allSettled(created.map((server) => writer.delete(server)))
    for (const deletion of deletions)
      if (deletion.status === 'rejected') log.warn({ err: deletion.reason }, 'a server of a failed request remains')
    throw error
  }
}

export const serversCreate = defineRoute<CreateServerBody>({
  name: 'servers:create',
  method: 'POST',
  path: '/servers',
  success: 202,
  policy: { rule: 'os_compute_api:servers:create', role: 'member' },
  body: createServerBody,
  async handle(request) {
    const { body, links } = request
    const { first, reservationId, adminPassword } = await createServers(request)
    if (isTrue(body.server.return_reservation_id)) return { body: { reservation_id: reservationId } }
    const id = uuidOf(first)
    const server = {
      id,
      links: links.pair('servers', id),
      'OS-DCF:diskConfig': body.server['OS-DCF:diskConfig'] ?? 'MANUAL',
      security_groups: body.server.security_groups ?? [{ name: 'default' }],
      ...(adminPassword === undefined ? {} : { adminPass: adminPassword }),
    }
    return { body: { server }, headers: { location: links.self('servers', id) } }
  },
})
