/** CoreFilter: the virtual CPUs fit (what placement does for VCPU). */
import type { Filter } from '../filter.ts'
import { demandOf } from '../request.ts'
import { rooms } from '../room.ts'
import { lacking } from './capacity.ts'

const words = { tooLittle: 'too few vCPUs', tooSmall: 'too small in CPU threads', unit: 'vCPUs' }

export const coreFilter: Filter = {
  name: 'CoreFilter',
  sees: 'room',
  room: 'vcpus',
  prepare({ flavor, image }) {
    const wanted = demandOf(flavor, image).vcpus
    if (wanted === 0) return undefined
    return {
      wanted,
      passes: (host) => wanted <= rooms.vcpus(host),
      refusal: ({ limits, used }) => lacking(wanted, limits?.vcpus, used.vcpus, words),
    }
  },
}
