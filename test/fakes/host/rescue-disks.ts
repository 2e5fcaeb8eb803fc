import type { RescueDisks } from '../../../actions/host/index.ts'
import type { FakeImageCache } from './images.ts'
import { type Machine, type MachineOf } from './machine.ts'

/**
 * The capability RescueDisks of the fake host. It fetches the image within one call; the fake of `images.fetch` already
 * covers downloads that take several calls.
 */
export const fakeRescueDisks = (machineOf: MachineOf, images: FakeImageCache): RescueDisks => ({
  async create({ server }, { image, requestId }) {
    const machine = machineOf(server.metadata.uid)
    if (machine.rescueDisk?.requestId === requestId) return { done: true }
    removeDisk(machine)
    images.add(image)
    machine.rescueDisk = { image: image.name, requestId }
    return { done: true }
  },
  async delete({ server }) {
    removeDisk(machineOf(server.metadata.uid))
  },
})

function removeDisk(machine: Machine): void {
  if (machine.domain?.runsFrom === 'rescue disk') throw new Error('the rescue disk is removed under a running guest')
  machine.rescueDisk = undefined
}
