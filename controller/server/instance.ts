/**
 * Builds status.instance of a placed server: a copy of everything that its spec refers to. The agent reads the copy, so
 * later changes of Flavor, Image and so on have no effect. Pure functions.
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

/** Copies the fields of an Image that the agent needs. */
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
