// Prepares a cloud for its first Server: copies the guest image to each host, and applies flavor, image, network and
// key pair of the quickstart.
import { join } from 'node:path'
import type { Cloud } from './cloud.ts'
import { placeGuestImage } from './place-image.ts'

const quickstart = join(import.meta.dirname, '../../examples/quickstart')

export async function seedCloud(cloud: Cloud): Promise<void> {
  await placeGuestImage(cloud.hosts.values())
  for (const file of ['flavor', 'image', 'network', 'keypair'])
    await cloud.plane.kubectl('apply', '-f', join(quickstart, `${file}.yaml`))
}
