import { join } from 'node:path'
import type { Cloud } from './cloud.ts'
import { placeGuestImage } from './place-image.ts'

const quickstart = join(import.meta.dirname, '../../examples/quickstart')

export async function seedCloud(cloud: Cloud): Promise<void> {
  await placeGuestImage(cloud.hosts.values())
  for (const file of ['flavor', 'image', 'network', 'keypair'])
    await cloud.plane.kubectl('apply', '-f', join(quickstart, `${file}.yaml`))
}
