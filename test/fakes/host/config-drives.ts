import type { ConfigDrives } from '../../../actions/host/index.ts'
import { Transient } from '../../../crds/index.ts'
import type { MachineOf } from './machine.ts'

export const fakeConfigDrives = (machineOf: MachineOf): ConfigDrives => ({
  async write({ server, instance }) {
    if (!server.spec.configDrive) return
    const machine = machineOf(server.metadata.uid)
    if (instance.hasSecretUserData === true) {
      machine.keptUserData ??= machine.sentUserData
      if (machine.keptUserData === undefined) throw new Transient('UserDataNotDelivered', 'there is no HostSecret')
    }
    const { keptUserData } = machine
    machine.configDrive = JSON.stringify({ ...server.spec, ...(keptUserData === undefined ? {} : { keptUserData }) })
  },
})
