/**
 * Builds status.instance: a copy of everything that the spec of a server refers to, so that later changes of Flavor,
 * Image and so on have no effect.
 */
import type { Image, Instance, Interface, Server } from '../../crds/index.ts'
import type { Resolved } from './resolve.ts'

export function buildInstance(
  server: Server,
  { flavor, image, keyPair }: Resolved,
  interfaces: Interface[],
  { availabilityZone, hasSecretUserData }: { availabilityZone: string; hasSecretUserData: boolean },
): Instance {
  const { vcpus, ram, disk, ephemeral, swap, extraSpecs } = flavor.spec
  return {
    uuid: server.spec.uuid ?? server.metadata.uid ?? '',
    availabilityZone,
    flavor: { name: flavor.metadata.name, vcpus, ram, disk, ephemeral, swap, ...(extraSpecs ? { extraSpecs } : {}) },
    image: copyImage(image),
    interfaces,
    keys: keyPair
      ? [{ name: keyPair.metadata.name, type: keyPair.spec.type, data: keyPair.spec.publicKey.trim() }]
      : [],
    ...(hasSecretUserData ? { hasSecretUserData } : {}),
  }
}

export function copyImage({ metadata, spec }: Image): Instance['image'] {
  const { name, namespace = '', uid = '' } = metadata
  const { url, checksum, format, properties, minDisk } = spec
  return {
    name,
    namespace,
    uid,
    minDisk,
    url,
    format,
    ...(checksum === undefined ? {} : { checksum }),
    ...(properties ? { properties } : {}),
  }
}
