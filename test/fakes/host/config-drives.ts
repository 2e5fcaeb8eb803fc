import type { ConfigDrives } from '../../../actions/host/index.ts'
import type { MachineOf } from './machine.ts'

export const fakeConfigDrives = (machineOf: MachineOf): ConfigDrives => ({
  async write({ server }) {
    if (server.spec.configDrive) machineOf(server.metadata.uid).configDrive = JSON.stringify(server.spec)
  },
})
