/**
 * In the recording, one group of requests created flavors such as `x-2-104`, and other groups changed them. Each flavor
 * such as `x-2-104-t` was removed before the next request.
 */
import { flavors, flavorsById } from '../../api-shim/state/stores.ts'
import type { TestShim } from '../../api-shim/testing.ts'
import type { Exchange } from './exchange.ts'
import { Placeholders } from './placeholders.ts'

/**
 * Gives each flavor that the request names an ID. Creates the flavor too, unless this run is the group of requests that
 * creates it.
 */
export async function prepareFlavors({ group, request }: Exchange, names: Placeholders, shim: TestShim): Promise<void> {
  const texts = `${request.path} ${JSON.stringify(request.body ?? '')}`
  for (const placeholder of new Set(Placeholders.namesIn(texts))) {
    if (!placeholder.startsWith('flavor:') || names.get(placeholder) !== undefined) continue
    const id = placeholder.replace('flavor:', 'f-')
    names.bind(placeholder, id)
    if (group !== 'flavors/flavors written')
      await shim.seed(flavors.kind, { metadata: { name: id }, spec: { vcpus: 1, ram: 64, disk: 1 } })
  }
}

/**
 * Removes the flavor again if the request has just created a trial flavor (named `x-…-t`). The recording did the same.
 */
export async function removeTrialFlavor(answer: { status: number; text: string }, shim: TestShim): Promise<void> {
  if (answer.status !== 200 || !answer.text.startsWith('{"flavor":')) return
  const { flavor } = JSON.parse(answer.text) as { flavor: { id: string; name: string } }
  const [object] = shim.services.state.storeOf(flavors).cache.byIndex(flavorsById, flavor.id)
  if (object && /^x-.*-t$/.test(flavor.name)) {
    await shim.api.resource(flavors.kind).delete(object.metadata)
    await shim.services.state.waiterOf(flavors)?.waitForDeletion(object.metadata.name, object.metadata.uid)
  }
}
