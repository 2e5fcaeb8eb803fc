// All procedures in one table: `proc.domainLookupByUuid` is what `connection.call` takes.
import { blockProcedures } from './block.ts'
import { connectProcedures } from './connect.ts'
import { deviceProcedures } from './device.ts'
import { domainProcedures } from './domain.ts'
import { migrationProcedures } from './migration.ts'
import { networkProcedures } from './network.ts'
import { nodeProcedures } from './node.ts'
import { qemuProcedures } from './qemu.ts'
import { snapshotProcedures } from './snapshot.ts'
import { storageProcedures } from './storage.ts'

/** Every procedure that this client knows, by name. */
export const proc = {
  ...connectProcedures,
  ...nodeProcedures,
  ...domainProcedures,
  ...deviceProcedures,
  ...blockProcedures,
  ...migrationProcedures,
  ...snapshotProcedures,
  ...storageProcedures,
  ...networkProcedures,
  ...qemuProcedures,
} as const
