/** Status functions of the controller for tests of the agent, which may not import the controller. */
export { unreachableStatus } from '../../controller/server/reachability.ts'
export { placedStatus, unassignedStatus, unscheduledStatus } from '../../controller/server/status.ts'
