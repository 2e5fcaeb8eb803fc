/**
 * Re-exports the controller's functions that compute a status, for tests of the agent. Tests in agent/ may not import
 * the controller directly.
 */
export { unreachableStatus } from '../../controller/server/reachability.ts'
export { placedStatus, unassignedStatus, unscheduledStatus } from '../../controller/server/status.ts'
