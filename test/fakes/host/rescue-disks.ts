import type { RescueDisks } from '../../../actions/host/index.ts'
import { Transient } from '../../../crds/index.ts'
import type { FakeImageCache } from './images.ts'
import { type Machine, type MachineOf } from './machine.ts'

/**
 * The first create() for a request begins the work; the second completes it. A restart of the agent between the two
 * loses the begun work.
 */
export function fakeRescueDisks(machineOf: MachineOf, images: FakeImageCache): RescueDisks {
  const begun = new Map<Machine, string>()
  return {
    async create({ server }, { image, requestId }) {
      const machine = machineOf(server.metadata.uid)
      if (!machine.disks) throw new Transient('DiskMissing', 'the root disk is not there')
      if (machine.rescueDisk?.requestId === requestId) return { done: true }
      removeRescueDisk(machine)
      if (begun.get(machine) !== requestId) {
        begun.set(machine, requestId)
        return { done: false, checkAfterMs: 1000 }
      }
      images.add(image)
      machine.rescueDisk = { image: image.name, requestId }
      return { done: true }
    },
    async delete({ server }) {
      const machine = machineOf(server.metadata.uid)
      begun.delete(machine)
      removeRescueDisk(machine)
    },
  }
}

function removeRescueDisk(machine: Machine): void {
  if (machine.domain?.runsFrom === 'rescue disk') throw new Error('the rescue disk is removed under a running guest')
  machine.rescueDisk = undefined
}
