/**
 * Re-exports functions of the controller that compute a status, for tests of the agent. Tests in agent/ may not import
 * from controller/.
 */
export { unreachableStatus } from '../../controller/server/reachability.ts'
export { placedStatus, unassignedStatus, unscheduledStatus } from '../../controller/server/status.ts'
