/**
 * Binds the state directory to one cluster and one host, and locks it. An agent of another cluster, or with another
 * host name, would find no Servers for the host's domains, and would remove the domains as orphans. So it refuses to
 * start.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Refused } from '../crds/index.ts'
import { writeFileAtomically } from './files/atomic-files.ts'
import { ignoreNotFound } from './files/errors.ts'
import { lockFile } from './files/lock-file.ts'

export interface Identity {
  /** The uid of the namespace kube-system. */
  cluster: string
  host: string
}

/** No other agent works on the directory until the lock is disposed of. */
export interface StateDirectoryLock extends AsyncDisposable {
  /** Created at the directory's first use. It differs on two hosts with the same name. */
  id: string
}

/**
 * The first start records the identity; later starts check it.
 * @throws Refused if the directory belongs to another cluster or host
 */
export async function lockStateDirectory(
  stateDir: string,
  identity: Identity,
  signal?: AbortSignal,
): Promise<StateDirectoryLock> {
  await mkdir(stateDir, { recursive: true })
  const lock = await lockFile(join(stateDir, 'agent.lock'), signal)
  try {
    const id = await checkIdentity(stateDir, identity)
    return { id, [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose]() }
  } catch (error) {
    await lock[Symbol.asyncDispose]()
    throw error
  }
}

async function checkIdentity(stateDir: string, identity: Identity): Promise<string> {
  const path = join(stateDir, 'identity.json')
  const text = await readFile(path, 'utf8').catch(ignoreNotFound)
  const recorded = text === undefined ? undefined : (JSON.parse(text) as Identity & { id?: string })
  for (const part of ['cluster', 'host'] as const) {
    if (recorded === undefined || recorded[part] === identity[part]) continue
    throw new Refused(
      'WrongStateDirectory',
      `${stateDir} belongs to ${part} ${recorded[part]}, this is ${identity[part]}: its servers' domains would count as orphans. ` +
        `Start the agent with the ${part} it had; or, if its servers are given up, delete their domains and ${path}`,
    )
  }
  if (recorded?.id !== undefined) return recorded.id
  const id = randomUUID()
  await writeFileAtomically(path, `${JSON.stringify({ ...identity, id })}\n`)
  return id
}
