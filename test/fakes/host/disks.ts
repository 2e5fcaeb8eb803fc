import type { Disks } from '../../../actions/host/index.ts'
import { Transient } from '../../../crds/index.ts'
import type { FakeImageCache } from './images.ts'
import { hasActiveDomain, type MachineOf } from './machine.ts'

export const fakeDisks = (machineOf: MachineOf, images: FakeImageCache): Disks => ({
  async create({ instance, server }) {
    const machine = machineOf(server.metadata.uid)
    if (machine.disks) return { done: true }
    if (server.status?.launchedAt !== undefined) throw new Transient('DiskMissing', 'its disks are not there')
    images.add(instance.image)
    machine.disks = true
    machine.diskGeneration += 1
    return { done: true }
  },
  async delete({ server }) {
    const machine = machineOf(server.metadata.uid)
    if (hasActiveDomain(machine)) throw new Error('disks are deleted under a running guest')
    const none = { rescueDisk: undefined, configDrive: undefined, keptUserData: undefined }
    Object.assign(machine, { disks: false, ...none })
  },
})
