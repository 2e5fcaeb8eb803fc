/**
 * Builds the copy of everything that a placed server refers to. Its host reads the copy, so later changes of the
 * originals have no effect. Pure.
 */
import type { Instance, Interface, Server } from '../../crds/index.ts'
import type { Resolved } from './resolve.ts'

export function buildInstance(
  server: Server,
  { flavor, image, keyPair }: Resolved,
  interfaces: Interface[],
  availabilityZone: string,
): Instance {
  const { vcpus, ram, disk, ephemeral, swap, extraSpecs } = flavor.spec
  const { url, checksum, format, properties, minDisk } = image.spec
  const { name, namespace = '', uid = '' } = image.metadata
  return {
    uuid: server.spec.uuid ?? server.metadata.uid ?? '',
    availabilityZone,
    flavor: { name: flavor.metadata.name, vcpus, ram, disk, ephemeral, swap, ...(extraSpecs ? { extraSpecs } : {}) },
    image: {
      name,
      namespace,
      uid,
      minDisk,
      url,
      format,
      ...(checksum === undefined ? {} : { checksum }),
      ...(properties ? { properties } : {}),
    },
    interfaces,
    keys: keyPair
      ? [{ name: keyPair.metadata.name, type: keyPair.spec.type, data: keyPair.spec.publicKey.trim() }]
      : [],
  }
}
