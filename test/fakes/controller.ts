/** What the controller does to a server, for tests of the agent, which may not import it. */
export { placedStatus, reachabilityStatus, waitingStatus, withoutHost } from '../../controller/server/status.ts'
