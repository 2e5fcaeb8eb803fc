/** Functions of the controller, for tests in agent/ and api-shim/, which may not import from controller/. */
export { finishDeletionRecords, recordDeletion } from '../../controller/cleanup/deletion-record.ts'
export { unreachableStatus } from '../../controller/server/reachability.ts'
export { placedStatus, unassignedStatus, unscheduledStatus } from '../../controller/server/status.ts'
export { storeDefs as controllerStores } from '../../controller/stores.ts'
