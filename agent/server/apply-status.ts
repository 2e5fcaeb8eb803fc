/** Writes the agent's part of a Server's status, and only if the Server is still on this host. */
import { agentManagerOf, ownedStatus, type Server, Transient } from '../../crds/index.ts'
import type { Resource } from '../../kube/resource.ts'
import { writeStatus } from '../../kube/write-status.ts'
import type { AgentStatus } from './status.ts'

export interface StatusWriter {
  hostName: string
  servers: Resource<Server>
  /** Called after each write with the Server that the API server returned. */
  onWritten: (server: Server) => void
}

/** The controller writes the Server too, so conflicts are normal. After so many in a row the agent gives up. */
const TRIES = 5

/**
 * Writes all that the agent owns of the status, if that differs from the Server. Returns the Server as it is
 * afterwards. A Server with the same name but another uid may exist by now, and the API server does not compare the uid
 * when a status is applied. So each try sends the resourceVersion that it has read, and reads the Server again after a
 * conflict.
 * @throws Transient (retried) if the Server then has another uid or another host
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
  const now = await servers.get({ name, ...(namespace === undefined ? {} : { namespace }) })
  if (now.metadata.uid !== uid || now.status?.host !== hostName)
    throw new Transient('ObjectChanged', `Server ${name} is another by now, or another host's`)
  return now
}
