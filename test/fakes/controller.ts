/** What the controller does to a server, for tests of the agent, which may not import it. */
export { unreachableStatus } from '../../controller/server/reachability.ts'
export { placedStatus, unassignedStatus, waitingStatus } from '../../controller/server/status.ts'
