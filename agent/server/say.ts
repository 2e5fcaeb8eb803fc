/** Writes what the agent says of a server: its part of the status, and only onto a server that is this host's. */
import { AGENT_MANAGER, type Server, type ServerStatus, Transient } from '../../crds/index.ts'
import { hasFieldsOf } from '../../kube/apply.ts'
import { isConflict } from '../../kube/errors.ts'
import type { Resource } from '../../kube/resource.ts'
import type { AgentStatus } from './status.ts'

export interface Sayer {
  hostName: string
  servers: Resource<Server>
  /** Told of each Server as a write of ours left it. */
  wrote: (server: Server) => void
}

/** Writes the agent's part of the status if it says anything new. Answers the server as it is then. */
export async function say(server: Server, status: AgentStatus, deps: Sayer): Promise<Server> {
  const old = server.status
  if (hasFieldsOf(old && mine(old), mine(status)) && !dropsAny(old ?? {}, status)) return server
  const written = await write(server.metadata, status, deps)
  deps.wrote(written)
  return written
}

/** Others write the object, too: this often in a row is no accident. */
const TRIES = 5

/**
 * Onto this very server, and as long as it is this host's. One may have been made anew under its name, and of a status the API server does
 * not compare the uid; so the resourceVersion says which one is meant. What else has changed in it is no matter.
 */
async function write(
  { name, namespace, uid, resourceVersion }: Server['metadata'],
  status: object,
  { servers, hostName }: Sayer,
): Promise<Server> {
  const ref = { name, ...(namespace === undefined ? {} : { namespace }) }
  for (let tries = 1, version = resourceVersion; ; tries++) {
    const metadata = { ...ref, ...(version === undefined ? {} : { resourceVersion: version }) }
    try {
      return await servers.applyStatus({ metadata, status }, { fieldManager: AGENT_MANAGER })
    } catch (error) {
      if (!isConflict(error) || tries === TRIES) throw error
      const now = await servers.get(ref)
      if (now.metadata.uid !== uid || now.status?.host !== hostName)
        throw new Transient('ServerNotOurs', `Server ${name} is another by now, or another host's`, { cause: error })
      version = now.metadata.resourceVersion
    }
  }
}

const myConditions = ['Ready', 'Reconciling', 'Stalled']

/** With the conditions that the agent writes, in one order; the others are the controller's. */
function mine<S extends Pick<ServerStatus, 'conditions'>>(status: S): S {
  const { conditions = [] } = status
  return { ...status, conditions: myConditions.flatMap((its) => conditions.filter(({ type }) => type === its)) }
}

/** Server-side apply takes out what is no longer said: that is a change, too. */
const optionalFields = ['taskState', 'fault', 'mode', 'hostRejection', 'lastCompletedAction'] as const
const dropsAny = (old: object, wanted: object): boolean =>
  optionalFields.some((field) => field in old && !(field in wanted))
