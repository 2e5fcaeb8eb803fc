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
