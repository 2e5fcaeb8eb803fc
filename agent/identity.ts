/**
 * Which cluster and which host this state directory belongs to. An agent that is pointed at another cluster, or started under
 * another name, would take every domain here for a leftover: it must refuse to start instead.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Refused } from '../crds/index.ts'

export interface Identity {
  /** uid of the namespace kube-system: Kubernetes' customary id of a cluster. */
  cluster: string
  host: string
}

/** Writes the identity down at the first start; later it must be the same. @throws Refused */
export async function claimIdentity(stateDir: string, mine: Identity): Promise<void> {
  await mkdir(stateDir, { recursive: true })
  const path = join(stateDir, 'identity.json')
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) {
    await writeFile(`${path}.new`, `${JSON.stringify(mine)}\n`)
    await rename(`${path}.new`, path)
    return
  }
  const before = JSON.parse(text) as Identity
  for (const part of ['cluster', 'host'] as const) {
    if (before[part] === mine[part]) continue
    throw new Refused(
      'WrongIdentity',
      `${stateDir} belongs to ${part} ${before[part]}, this is ${mine[part]}: its servers' domains would be taken for leftovers. ` +
        `Start the agent with the ${part} it had; or, if its servers are given up, delete their domains and ${path}`,
    )
  }
}
