/**
 * Which cluster and which host this state directory belongs to, and who works on it. An agent that is pointed at another cluster, or started under
 * another name, would take every domain here for a leftover: it must refuse to start instead. Of two agents of one directory the second waits.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Refused } from '../crds/index.ts'
import { writeFileAtomically } from './files/atomic-files.ts'
import { lockFile } from './files/lock-file.ts'

export interface Identity {
  /** uid of the namespace kube-system: Kubernetes' customary id of a cluster. */
  cluster: string
  host: string
}

/** Until it is disposed of, no other agent works on the directory. */
export interface Claimed extends AsyncDisposable {
  /** Of this directory, made at its first use: tells two hosts apart that were given one name. */
  id: string
}

/**
 * Waits until no other agent works on this directory. Writes the identity down at the first start; later it must be the same.
 * @throws Refused
 */
export async function claimIdentity(stateDir: string, mine: Identity, signal?: AbortSignal): Promise<Claimed> {
  await mkdir(stateDir, { recursive: true })
  const lock = await lockFile(join(stateDir, 'agent.lock'), signal)
  try {
    const id = await checkIdentity(stateDir, mine)
    return { id, [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose]() }
  } catch (error) {
    await lock[Symbol.asyncDispose]()
    throw error
  }
}

async function checkIdentity(stateDir: string, mine: Identity): Promise<string> {
  const path = join(stateDir, 'identity.json')
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  })
  const before = text === undefined ? undefined : (JSON.parse(text) as Identity & { id?: string })
  for (const part of ['cluster', 'host'] as const) {
    if (before === undefined || before[part] === mine[part]) continue
    throw new Refused(
      'WrongIdentity',
      `${stateDir} belongs to ${part} ${before[part]}, this is ${mine[part]}: its servers' domains would be taken for leftovers. ` +
        `Start the agent with the ${part} it had; or, if its servers are given up, delete their domains and ${path}`,
    )
  }
  if (before?.id !== undefined) return before.id
  const id = randomUUID()
  await writeFileAtomically(path, `${JSON.stringify({ ...mine, id })}\n`)
  return id
}
