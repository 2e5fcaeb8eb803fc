import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { User } from '../e2e/user.ts'
import { root } from '../manifests.ts'
import { placeButtonImage } from '../rig/place-image.ts'

/** The number of servers in git. */
export const FLEET_SIZE = Number(process.env['GITOPS_SERVERS'] ?? 3)

/**
 * Two hosts with two CPUs each must hold the whole fleet, so the allocation ratio of vCPUs is raised. This is possible
 * because the guests of the fleet need nearly no CPU time.
 */
export async function makeRoomForFleet(user: User): Promise<void> {
  const { hosts } = user.cloud
  await placeButtonImage(hosts.values(), 'guest')
  for (const name of hosts.keys()) await user.patch('hypervisor', name, { spec: { allocationRatios: { vcpu: 64 } } })
}

interface GuideManifest {
  kind: string
  metadata: { name: string }
  spec: object
}

/** Returns the manifest of this kind in docs/guide/gitops.md. Throws if there is none. */
export function manifestOfGuide(kind: string): GuideManifest {
  const guide = readFileSync(join(root, 'docs/guide/gitops.md'), 'utf8')
  const blocks = [...guide.matchAll(/^```yaml\n([^]*?)^```$/gm)].flatMap(([, text = '']) => parseAllDocuments(text))
  const found = blocks.map((block) => block.toJS() as GuideManifest).find((manifest) => manifest.kind === kind)
  if (!found) throw new Error(`the guide has no ${kind}`)
  return found
}
