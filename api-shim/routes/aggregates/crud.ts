import type { HostAggregate } from '../../../crds/index.ts'
import { type Fault, newConflict } from '../../http/fault.ts'
import { createObject } from '../../state/create-object.ts'
import { DISPLAY_NAME, displayNameOf, isKubernetesName, newNameFor, suffixFrom } from '../../state/names.ts'
import { type MergePatch, patchNewest } from '../../state/patch-newest.ts'
import { aggregates } from '../../state/stores.ts'
import { noParameters } from '../../validation/parameters.ts'
import { objectSchema, type Schema, schemaFrom, stringSchema, type TypeOf } from '../../validation/schema.ts'
import { renderAggregate, UPDATED_AT } from '../../views/aggregates.ts'
import { defineRoute, type RouteRequest } from '../route.ts'
import { looseName } from '../servers/parameters.ts'
import { listAggregates } from '../services/services.ts'
import { aggregateRule, findAggregate } from './find.ts'
import { checkZoneChange, refuseOperation } from './zone-rules.ts'

const zone: Schema<string | null> = schemaFrom({
  oneOf: [{ type: 'string', format: 'az_name', minLength: 1, maxLength: 255 }, { type: 'null' }],
})

export const aggregatesList = defineRoute<null>({
  name: 'aggregates:list',
  method: 'GET',
  path: '/os-aggregates',
  success: 200,
  policy: aggregateRule('index'),
  query: noParameters,
  async handle(request) {
    const all = await listAggregates(request)
    return { body: { aggregates: all.map((aggregate) => renderAggregate(aggregate, request.version)) } }
  },
})

const name = stringSchema({ format: 'name', minLength: 1, maxLength: 255 })
const createBody = objectSchema(
  { aggregate: objectSchema({ name, availability_zone: zone }, { required: ['name'] }) },
  { required: ['aggregate'] },
)

/** Throws a 409 if another aggregate has the name. */
async function checkNameIsFree(wanted: string, request: RouteRequest, own?: string): Promise<void> {
  const isTaken = (await listAggregates(request)).some(
    (aggregate) => displayNameOf(aggregate) === wanted && aggregate.metadata.uid !== own,
  )
  if (isTaken) throw nameExists(wanted)
}

const nameExists = (name: string): Fault => newConflict(`Aggregate ${name} already exists.`)

/**
 * The first free one of two names of the object. Two replicas choose the same, so the API server refuses the second of
 * two aggregates with one name. An aggregate that was renamed keeps the name of its object.
 */
async function objectNameFor(wanted: string, { state }: RouteRequest): Promise<string> {
  const reader = await state.read(aggregates)
  const derived = newNameFor(wanted, suffixFrom(wanted))
  const candidates = isKubernetesName(wanted) ? [wanted, derived] : [derived]
  return candidates.find((name) => reader.get(name) === undefined) ?? newNameFor(wanted)
}

export const aggregatesCreate = defineRoute<TypeOf<typeof createBody>>({
  name: 'aggregates:create',
  method: 'POST',
  path: '/os-aggregates',
  success: 200,
  policy: aggregateRule('create'),
  body: { '2.1': createBody },
  async handle(request) {
    const { state, version, body } = request
    const wanted = body.aggregate.name.trim()
    await checkNameIsFree(wanted, request)
    const name = await objectNameFor(wanted, request)
    const metadata = name === wanted ? { name } : { name, annotations: { [DISPLAY_NAME]: wanted } }
    const availabilityZone = body.aggregate.availability_zone?.trim()
    const spec = { hosts: [], ...(availabilityZone ? { availabilityZone } : {}) }
    const created = await createObject(state.write(aggregates), { metadata, spec }, () => nameExists(wanted))
    const {
      hosts: _hosts,
      metadata: _metadata,
      ...shown
    } = renderAggregate(created, version) as Record<string, unknown>
    return { body: { aggregate: shown } }
  },
})

export const aggregatesShow = defineRoute<null>({
  name: 'aggregates:show',
  method: 'GET',
  path: '/os-aggregates/{aggregate_id}',
  success: 200,
  policy: aggregateRule('show'),
  query: noParameters,
  handle: async (request) => ({
    body: { aggregate: renderAggregate(await findAggregate(request), request.version) },
  }),
})

const updateBody = objectSchema(
  {
    aggregate: schemaFrom<{ name?: string; availability_zone?: string | null }>({
      type: 'object',
      properties: { name: looseName, availability_zone: zone },
      additionalProperties: false,
      anyOf: [{ required: ['name'] }, { required: ['availability_zone'] }],
    }),
  },
  { required: ['aggregate'] },
)

export const aggregatesUpdate = defineRoute<TypeOf<typeof updateBody>>({
  name: 'aggregates:update',
  method: 'PUT',
  path: '/os-aggregates/{aggregate_id}',
  success: 200,
  policy: aggregateRule('update'),
  body: { '2.1': updateBody },
  async handle(request) {
    const { name: given, availability_zone: wanted } = request.body.aggregate
    let aggregate = await findAggregate(request)
    const annotations = { [UPDATED_AT]: request.services.clock.wall().toISOString() }
    if (given !== undefined) {
      await checkNameIsFree(given.trim(), request, aggregate.metadata.uid)
      const named = { metadata: { annotations: { ...annotations, [DISPLAY_NAME]: given.trim() } } }
      aggregate = await patchNewest(aggregates, aggregate, () => named, request)
    }
    // Nova keeps the new name even if it then refuses the zone.
    const setZone = async (newest: HostAggregate): Promise<MergePatch> => {
      await checkZoneChange('update', newest, wanted, request)
      return { metadata: { annotations }, spec: { availabilityZone: wanted } }
    }
    if (wanted !== undefined) aggregate = await patchNewest(aggregates, aggregate, setZone, request)
    return { body: { aggregate: renderAggregate(aggregate, request.version) } }
  },
})

export const aggregatesDelete = defineRoute<null>({
  name: 'aggregates:delete',
  method: 'DELETE',
  path: '/os-aggregates/{aggregate_id}',
  success: 200,
  policy: aggregateRule('delete'),
  async handle(request) {
    const aggregate = await findAggregate(request)
    if (aggregate.spec.hosts.length > 0) throw refuseOperation('remove', aggregate, 'Host aggregate is not empty')
    await request.state.write(aggregates).delete(aggregate)
    return {}
  },
})
