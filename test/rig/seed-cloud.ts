// Prepares a cloud for its first Server: copies the guest image to each host, and applies flavor, image, network and
// key pair of the quickstart.
import { copyFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Cloud } from './cloud.ts'
import { ensureGuestImage } from './guest.ts'

const quickstart = join(import.meta.dirname, '../../examples/quickstart')

export async function seedCloud(cloud: Cloud): Promise<void> {
  const image = await ensureGuestImage()
  for (const host of cloud.hosts.values()) {
    const target = join(host.home, 'var/lib/kubenova/images/guest.qcow2')
    mkdirSync(dirname(target), { recursive: true })
    copyFileSync(image.path, target)
  }
  for (const file of ['flavor', 'image', 'network', 'keypair'])
    await cloud.plane.kubectl('apply', '-f', join(quickstart, `${file}.yaml`))
}
