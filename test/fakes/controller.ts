/** Functions of the controller that compute a status, for tests in agent/, which may not import from controller/. */
export { unreachableStatus } from '../../controller/server/reachability.ts'
export { placedStatus, unassignedStatus, unscheduledStatus } from '../../controller/server/status.ts'
