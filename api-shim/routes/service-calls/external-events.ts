/**
 * POST /os-server-external-events: events from the services around Nova. They change nothing here; each is answered as
 * for a server that does not wait for it.
 */
import type { Server } from '../../../crds/index.ts'
import { servers, serversByUuid } from '../../state/stores.ts'
import { objectSchema, oneOf, type Schema, schemaFrom, stringSchema } from '../../validation/schema.ts'
import { defineRoute } from '../route.ts'
import { authorizeService } from './authorize.ts'

const names = ['network-changed', 'network-vif-plugged', 'network-vif-unplugged', 'network-vif-deleted']
/** Events that mean nothing without a tag. */
const tagged = new Set(['volume-extended', 'power-update', 'accelerator-request-bound', 'volume-reimaged'])

interface Event {
  name: string
  server_uuid: string
  status?: string
  tag?: string
}

const bodyOf = (more: readonly string[]): Schema<{ events: Event[] }> =>
  objectSchema(
    {
      events: schemaFrom<Event[]>({
        type: 'array',
        minItems: 1,
        items: objectSchema(
          {
            name: oneOf([...names, ...more], { type: 'string' }),
            server_uuid: stringSchema({ format: 'uuid' }),
            status: oneOf(['failed', 'completed', 'in-progress'], { type: 'string' }),
            tag: stringSchema({ maxLength: 255 }),
          },
          { required: ['name', 'server_uuid'] },
        ),
      }),
    },
    { required: ['events'] },
  )

function codeOf(event: Event, server: Server | undefined): number {
  if (!server) return 404
  if (tagged.has(event.name) && event.tag === undefined) return 400
  return server.status?.host === undefined ? 422 : 200
}

export const externalEventsCreate = defineRoute<{ events: Event[] }>({
  name: 'external-events:create',
  method: 'POST',
  path: '/os-server-external-events',
  success: 200,
  policy: { rule: 'os_compute_api:os-server-external-events:create', role: 'service', inHandler: true },
  body: {
    '2.1': bodyOf([]),
    '2.51': bodyOf(['volume-extended']),
    '2.76': bodyOf(['volume-extended', 'power-update']),
    '2.82': bodyOf(['volume-extended', 'power-update', 'accelerator-request-bound']),
    '2.93': bodyOf(['volume-extended', 'power-update', 'accelerator-request-bound', 'volume-reimaged']),
  },
  async handle(request) {
    authorizeService(request)
    const { cache } = request.state.shared.storeOf(servers)
    const events = request.body.events.map((event) => {
      const code = codeOf(event, cache.byIndex(serversByUuid, event.server_uuid)[0])
      return { ...event, status: code === 200 ? 'completed' : 'failed', code }
    })
    return { status: events.every(({ code }) => code === 200) ? 200 : 207, body: { events } }
  },
})
