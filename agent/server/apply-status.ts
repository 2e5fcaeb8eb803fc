import { agentManagerOf, ownedStatus, type Server, Transient } from '../../crds/index.ts'
import { isKindMissing, isNotFound } from '../../kube/errors.ts'
import type { Resource } from '../../kube/resource.ts'
import { writeStatus } from '../../kube/write-status.ts'
import type { AgentStatus } from './status.ts'

export interface StatusWriter {
  hostName: string
  servers: Resource<Server>
  /** Called after each write with the Server that the API server returned. */
  onWritten: (server: Server) => void
}

/**
 * The controller writes the Server too, so a write may conflict. The agent gives up after this many conflicts in a row.
 */
const TRIES = 5

/** The API server no longer has the Server. The agent's cache still has it until the watch reports the deletion. */
export class ServerGone extends Error {
  override readonly name = 'ServerGone'
}

/**
 * Writes the agent's part of the status if it has changed. Returns the current Server. Each write has a
 * resourceVersion, so that it cannot reach a new Server of the same name.
 * @throws a Transient error (retried) if the Server has another uid or host after a conflict, or after too many
 * conflicts
 * @throws ServerGone if the API server no longer has the Server
 */
export async function applyAgentStatus(server: Server, status: AgentStatus, writer: StatusWriter): Promise<Server> {
  const { servers, hostName, onWritten } = writer
  const fieldManager = agentManagerOf(hostName)
  let seen = server
  for (let tries = 0; tries < TRIES; tries++) {
    if (tries > 0) seen = await readNewest(server, writer)
    const owned = ownedStatus('Server', 'agent', seen.status)
    const write = await writeStatus(servers, seen, status, { fieldManager, owned })
    if (write.result === 'unchanged') return write.object
    if (write.result === 'written') {
      onWritten(write.object)
      return write.object
    }
  }
  throw new Transient(
    'ObjectChanged',
    `Server ${server.metadata.name} changes again and again: its status was not written`,
  )
}

async function readNewest({ metadata }: Server, { servers, hostName }: StatusWriter): Promise<Server> {
  const { name, namespace, uid } = metadata
  const now = await servers.get({ name, ...(namespace === undefined ? {} : { namespace }) }).catch(throwGone)
  if (now.metadata.uid !== uid || now.status?.host !== hostName)
    throw new Transient('ObjectChanged', `Server ${name} is another by now, or another host's`)
  return now
}

function throwGone(cause: unknown): never {
  if (!isNotFound(cause) || isKindMissing(cause)) throw cause
  throw new ServerGone('the API server no longer has the Server', { cause })
}
