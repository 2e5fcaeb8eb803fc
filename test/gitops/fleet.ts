import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { User } from '../e2e/user.ts'
import { root } from '../manifests.ts'
import { placeButtonImage } from '../rig/place-image.ts'
import { endMarkedProcesses } from '../rig/process.ts'
import { createScratchDirectory, keepArtefacts } from '../rig/scratch.ts'
import { hasFailed } from '../rig/vitest.ts'

/** The number of servers in git. */
export const FLEET_SIZE = Number(process.env['GITOPS_SERVERS'] ?? 3)

/**
 * Creates a temporary folder for the tests of one file. After the tests, ends the processes that belong to the folder,
 * and removes it. If a test or the start has failed, keeps the logs in test/artefacts.
 */
export function withScratch(): string {
  const dir = createScratchDirectory()
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the pattern's source: anything else is an error
  afterAll(async ({}, suite) => {
    await endMarkedProcesses(dir)
    if (hasFailed(suite)) console.error(`kept: ${keepArtefacts(dir, 'gitops')}`)
    rmSync(dir, { recursive: true, force: true })
  })
  return dir
}

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
