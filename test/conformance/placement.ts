import { DEFAULT_ZONE } from '../../api-shim/state/compute-services.ts'
import { flavors, images } from '../../api-shim/state/stores.ts'
import type { Flavor, Image, Server } from '../../crds/index.ts'
import type { FakeApi } from '../fakes/api.ts'

/** The status that a placed server gets from the controller: its host, and a copy of flavor and image. */
export function placementOf({ metadata, spec }: Server, host: string, api: FakeApi): object {
  const flavor = api.list<Flavor>(flavors.kind.plural).find(({ metadata: { name } }) => name === spec.flavor)
  const image = api
    .list<Image>(images.kind.plural)
    .find(({ metadata: { name, namespace } }) => name === spec.image?.name && namespace === spec.image.namespace)
  if (!flavor || !image) return { host }
  const { vcpus, ram, disk, ephemeral, swap, extraSpecs } = flavor.spec
  const { url, format, properties } = image.spec
  return {
    host,
    instance: {
      uuid: spec.uuid ?? metadata.uid,
      availabilityZone: spec.availabilityZone ?? DEFAULT_ZONE,
      flavor: { name: spec.flavor, vcpus, ram, disk, ephemeral, swap, ...(extraSpecs ? { extraSpecs } : {}) },
      image: {
        name: image.metadata.name,
        namespace: image.metadata.namespace,
        uid: image.metadata.uid,
        url,
        format,
        ...(properties ? { properties } : {}),
      },
      interfaces: [],
      keys: [],
    },
  }
}

const macAddress = 'fa:16:3e:00:00:01'
const sampleAddresses: Readonly<Record<number, object>> = {
  4: { network: 'private', address: '10.10.0.5', version: 4, macAddress },
  6: { network: 'private', address: 'fd00:10::5', version: 6, macAddress },
}

/**
 * The addresses of a server's status, one for each that an answer shows, in its order.
 * @param shown the member `addresses` of a server; undefined: not known
 */
export function addressesFrom(shown: unknown): object[] {
  if (shown === undefined) return [sampleAddresses[4] ?? {}, sampleAddresses[6] ?? {}]
  const families = Object.values(shown as Record<string, { version: number }[]>).flat()
  return families.map(({ version }) => sampleAddresses[version] ?? {})
}
