// All procedures in one table: `connection.call(proc.domainLookupByUuid, …)`.
import { blockProcedures } from './block.ts'
import { connectProcedures } from './connect.ts'
import { deviceProcedures } from './device.ts'
import { domainProcedures } from './domain.ts'
import { migrationProcedures } from './migration.ts'
import { nodeProcedures } from './node.ts'
import { qemuProcedures } from './qemu.ts'
import { snapshotProcedures } from './snapshot.ts'
import { storageProcedures } from './storage.ts'

export const proc = {
  ...connectProcedures,
  ...nodeProcedures,
  ...domainProcedures,
  ...deviceProcedures,
  ...blockProcedures,
  ...migrationProcedures,
  ...snapshotProcedures,
  ...storageProcedures,
  ...qemuProcedures,
} as const
