import type { HostAggregate } from '../../../crds/index.ts'
import { newBadRequest, newConflict, newNotFound } from '../../http/fault.ts'
import { numericIdOf, requireInteger } from '../../state/numeric-ids.ts'
import { type MergePatch, patchNewest } from '../../state/patch-newest.ts'
import { aggregates, hypervisors } from '../../state/stores.ts'
import { objectSchema, schemaFrom, stringSchema, type TypeOf } from '../../validation/schema.ts'
import { metadataOf, renderAggregate } from '../../views/aggregates.ts'
import { defineRoute } from '../route.ts'
import { fqdn } from '../services/schemas.ts'
import { aggregateRule, findAggregate } from './find.ts'
import { checkHostAdded, checkHostRemoved, checkZoneChange } from './zone-rules.ts'

const path = '/os-aggregates/{aggregate_id}/action'
const host = objectSchema({ host: fqdn }, { required: ['host'] })

const addBody = objectSchema({ add_host: host }, { required: ['add_host'] })
export const aggregatesAddHost = defineRoute<TypeOf<typeof addBody>>({
  name: 'aggregates:add_host',
  method: 'POST',
  path,
  action: 'add_host',
  success: 200,
  policy: aggregateRule('add_host'),
  body: { '2.1': addBody },
  async handle(request) {
    const { host: name } = request.body.add_host
    requireInteger(request.params['aggregate_id'] ?? '')
    if (!(await request.state.read(hypervisors)).get(name))
      throw newNotFound(`Host '${name}' is not mapped to any cell`)
    const addHost = async (aggregate: HostAggregate): Promise<MergePatch> => {
      await checkHostAdded(aggregate, name, request)
      const { hosts } = aggregate.spec
      if (hosts.includes(name)) throw newConflict(`Aggregate ${numericIdOf(aggregate)} already has host ${name}.`)
      return { spec: { hosts: [...hosts, name] } }
    }
    const changed = await patchNewest(aggregates, await findAggregate(request), addHost, request)
    return { body: { aggregate: renderAggregate(changed, request.version) } }
  },
})

const removeBody = objectSchema({ remove_host: host }, { required: ['remove_host'] })
export const aggregatesRemoveHost = defineRoute<TypeOf<typeof removeBody>>({
  name: 'aggregates:remove_host',
  method: 'POST',
  path,
  action: 'remove_host',
  success: 200,
  policy: aggregateRule('remove_host'),
  body: { '2.1': removeBody },
  async handle(request) {
    const { host: name } = request.body.remove_host
    const missing = `Cannot remove host ${name} in aggregate ${request.params['aggregate_id']}`
    const removeHost = async (aggregate: HostAggregate): Promise<MergePatch> => {
      const { hosts } = aggregate.spec
      if (!hosts.includes(name)) throw newNotFound(missing)
      await checkHostRemoved(aggregate, name, request)
      return { spec: { hosts: hosts.filter((other) => other !== name) } }
    }
    const changed = await patchNewest(aggregates, await findAggregate(request, missing), removeHost, request)
    return { body: { aggregate: renderAggregate(changed, request.version) } }
  },
})

const metadata = schemaFrom<Record<string, string | null>>({
  type: 'object',
  patternProperties: { '^[a-zA-Z0-9-_:. ]{1,255}$': { type: ['string', 'null'], maxLength: 255 } },
  additionalProperties: false,
})
const metadataBody = objectSchema(
  { set_metadata: objectSchema({ metadata }, { required: ['metadata'] }) },
  { required: ['set_metadata'] },
)
export const aggregatesSetMetadata = defineRoute<TypeOf<typeof metadataBody>>({
  name: 'aggregates:set_metadata',
  method: 'POST',
  path,
  action: 'set_metadata',
  success: 200,
  policy: aggregateRule('set_metadata'),
  body: { '2.1': metadataBody },
  async handle(request) {
    const { availability_zone: zone, ...pairs } = request.body.set_metadata.metadata
    const setMetadata = async (aggregate: HostAggregate): Promise<MergePatch> => {
      await checkZoneChange('updateMetadata', aggregate, zone, request)
      // In a merge patch, null removes a key. Leave out a null for a key that the aggregate does not have, because
      // there is nothing to remove.
      const known = metadataOf(aggregate)
      const changes = Object.entries(pairs).filter(([key, value]) => value !== null || key in known)
      return {
        spec: {
          ...(changes.length === 0 ? {} : { metadata: Object.fromEntries(changes) }),
          ...(zone === undefined ? {} : { availabilityZone: zone }),
        },
      }
    }
    const changed = await patchNewest(aggregates, await findAggregate(request), setMetadata, request)
    return { body: { aggregate: renderAggregate(changed, request.version, request.services.clock.wall()) } }
  },
})

const image = objectSchema({ id: stringSchema({ format: 'uuid' }) }, { required: ['id'] })
const imagesBody = objectSchema(
  { cache: schemaFrom<TypeOf<typeof image>[]>({ type: 'array', minItems: 1, items: image }) },
  { required: ['cache'] },
)

export const aggregatesCacheImages = defineRoute<TypeOf<typeof imagesBody>>({
  name: 'aggregates:images',
  method: 'POST',
  path: '/os-aggregates/{aggregate_id}/images',
  since: '2.81',
  success: 202,
  policy: { rule: 'compute:aggregates:images', role: 'admin' },
  body: { '2.81': imagesBody },
  async handle(request) {
    requireInteger(request.params['aggregate_id'] ?? '')
    const ids = request.body.cache.map(({ id }) => id)
    if (new Set(ids).size !== ids.length) throw newBadRequest('Duplicate images in request')
    await findAggregate(request)
    // The request is accepted and nothing happens, as with a Nova driver that cannot fetch images ahead. An agent
    // fetches an image when the first server needs it.
    return {}
  },
})
