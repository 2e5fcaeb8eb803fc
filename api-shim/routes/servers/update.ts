/** PUT /servers/{server_id}. */
import type { Server } from '../../../crds/index.ts'
import { newConflict } from '../../http/fault.ts'
import { annotationsFor } from '../../state/server-facts.ts'
import { servers } from '../../state/stores.ts'
import { objectSchema, schemaFrom, type TypeOf } from '../../validation/schema.ts'
import { renderServer } from '../../views/servers.ts'
import { defineRoute } from '../route.ts'
import { findServer, serverViewContext } from './find.ts'
import {
  accessIPv4,
  accessIPv6,
  canonicalIPv6,
  description,
  diskConfig,
  hostLabel,
  hostName,
  name,
} from './parameters.ts'

const base = { name, 'OS-DCF:diskConfig': diskConfig, accessIPv4, accessIPv6 }
const v19 = { ...base, description }
const v94 = { ...v19, hostname: hostName }
const zone = schemaFrom<string | null>({ oneOf: [{ type: 'string', minLength: 1, maxLength: 255 }, { type: 'null' }] })
const v104 = { ...v94, pinned_availability_zone: zone }

const bodyOf = (properties: Readonly<Record<string, typeof name>>) =>
  objectSchema({ server: objectSchema(properties) }, { required: ['server'] })
const newest = objectSchema({ server: objectSchema(v104) }, { required: ['server'] })

/** From 2.75 on, the answer to a PUT shows the whole server. */
const WHOLE_SERVER_SINCE = 75

export const serversUpdate = defineRoute<TypeOf<typeof newest>>({
  name: 'servers:update',
  method: 'PUT',
  path: '/servers/{server_id}',
  success: 200,
  policy: { rule: 'os_compute_api:servers:update', role: 'member', inHandler: true },
  body: {
    '2.1': bodyOf(base),
    '2.19': bodyOf(v19 as never),
    '2.90': bodyOf({ ...v19, hostname: hostLabel } as never),
    '2.94': bodyOf(v94 as never),
    '2.104': newest,
  },
  async handle(request) {
    const server = await findServer(request)
    request.authorize()
    const {
      name: displayName,
      description: text,
      hostname,
      pinned_availability_zone: pinned,
      ...rest
    } = request.body.server
    if (pinned !== undefined) checkPinnedZone(server, pinned)
    const annotations = annotationsFor<string | null>({
      accessIPv4: rest.accessIPv4,
      accessIPv6: canonicalIPv6(rest.accessIPv6),
      diskConfig: rest['OS-DCF:diskConfig'],
    })
    const spec = {
      ...(displayName === undefined ? {} : { displayName }),
      ...(text === undefined ? {} : { description: text }),
      ...(hostname === undefined ? {} : { hostname }),
      ...(pinned === undefined ? {} : { availabilityZone: pinned }),
    }
    const written = await request.state.write(servers).patch(server.metadata, { metadata: { annotations }, spec })
    const view = { ...serverViewContext(request, 'show') }
    const body = renderServer(written, view)
    return { body: { server: request.version >= WHOLE_SERVER_SINCE ? body : withoutExtensions(body) } }
  },
})

/** Throws a 409 unless the zone is given up, or is the one in which the server is. */
function checkPinnedZone({ spec, status }: Server, wanted: string | null): void {
  if (wanted === null || wanted === spec.availabilityZone) return
  if (spec.availabilityZone !== undefined)
    throw newConflict(
      'Cannot change pinned availability zone directly. Unpin first by setting pinned_availability_zone to null.',
    )
  const current = status?.instance?.availabilityZone ?? ''
  if (wanted !== current)
    throw newConflict(
      `Server can only be pinned to its current availability zone '${current}', but '${wanted}' was requested.`,
    )
}

/** Before 2.75, the answer to a PUT lacks the fields that came from extensions of the API. */
function withoutExtensions(server: object): object {
  const isKept = (key: string): boolean =>
    key === 'OS-DCF:diskConfig' ||
    !(
      key.includes(':') || ['config_drive', 'key_name', 'security_groups', 'server_groups', 'host_status'].includes(key)
    )
  const kept = Object.entries(server).filter(([key]) => isKept(key))
  return Object.fromEntries(kept.map(([key, value]) => [key, key === 'addresses' ? plainAddresses(value) : value]))
}

const plainAddresses = (networks: Record<string, { addr: string; version: number }[]>): object =>
  Object.fromEntries(
    Object.entries(networks).map(([name, list]) => [name, list.map(({ version, addr }) => ({ version, addr }))]),
  )
