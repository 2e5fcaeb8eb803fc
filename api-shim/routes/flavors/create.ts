/** POST /flavors. */
import { randomUUID } from 'node:crypto'
import type { Flavor } from '../../../crds/index.ts'
import type { Draft } from '../../../kube/types.ts'
import { type Fault, newConflict } from '../../http/fault.ts'
import { createObject } from '../../state/create-object.ts'
import { metadataForId, RXTX_FACTOR } from '../../state/flavor-facts.ts'
import { DISPLAY_NAME, displayNameOf } from '../../state/names.ts'
import { flavors, flavorsById } from '../../state/stores.ts'
import { isTrue } from '../../validation/schema.ts'
import { renderFlavor } from '../../views/flavors.ts'
import { defineRoute, type RouteRequest } from '../route.ts'
import { type CreateFlavorBody, createFlavorBody } from './schemas.ts'
import { extraSpecsPolicy } from './show.ts'

function idOf({ flavor: { id } }: CreateFlavorBody): string {
  return id === undefined || id === null || id === 'auto' ? randomUUID() : String(id)
}

const idExists = (id: string): Fault => newConflict(`Flavor with ID ${id} already exists.`)

/** Throws a 409 if another flavor has the ID or the name. */
async function checkUnused({ state, body }: RouteRequest<CreateFlavorBody>, id: string): Promise<void> {
  const reader = await state.read(flavors)
  if (reader.find(flavorsById, id).length > 0) throw idExists(id)
  const { name } = body.flavor
  if (reader.list().some((flavor) => displayNameOf(flavor) === name))
    throw newConflict(`Flavor with name ${name} already exists.`)
}

function draftFrom({ flavor }: CreateFlavorBody, id: string): Draft<Flavor> {
  const { name, annotations } = metadataForId(id)
  const { description, rxtx_factor: rxtx } = flavor
  const isPublic = flavor['os-flavor-access:is_public']
  return {
    metadata: {
      name,
      annotations: {
        ...annotations,
        ...(flavor.name === name ? {} : { [DISPLAY_NAME]: flavor.name }),
        ...(rxtx === undefined || Number(rxtx) === 1 ? {} : { [RXTX_FACTOR]: String(Number(rxtx)) }),
      },
    },
    spec: {
      vcpus: Number(flavor.vcpus),
      ram: Number(flavor.ram),
      disk: Number(flavor.disk),
      ephemeral: Number(flavor['OS-FLV-EXT-DATA:ephemeral'] ?? 0),
      swap: Number(flavor.swap ?? 0),
      isPublic: isPublic === undefined || isTrue(isPublic),
      ...(typeof description === 'string' ? { description } : {}),
    },
  }
}

export const flavorsCreate = defineRoute<CreateFlavorBody>({
  name: 'flavors:create',
  method: 'POST',
  path: '/flavors',
  success: 200,
  policy: { rule: 'os_compute_api:os-flavor-manage:create', role: 'admin' },
  body: createFlavorBody,
  async handle(request) {
    const { body, state, version, links } = request
    const id = idOf(body)
    await checkUnused(request, id)
    const flavor = await createObject(state.write(flavors), draftFrom(body, id), () => idExists(id))
    return {
      body: { flavor: renderFlavor(flavor, { version, links, showsExtraSpecs: request.can(extraSpecsPolicy) }) },
    }
  },
})
