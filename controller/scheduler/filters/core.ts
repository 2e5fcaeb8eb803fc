/** CoreFilter: the server's virtual CPUs must fit on the host (Nova's placement service counts them as VCPU). */
import type { Filter } from '../filter.ts'
import { freeCapacity } from '../free-capacity.ts'
import { demandOf } from '../request.ts'
import { rejectForCapacity } from './capacity-rejection.ts'

const words = { tooLittle: 'too few vCPUs', tooSmall: 'too small in CPU threads', unit: 'vCPUs' }

export const coreFilter: Filter = {
  name: 'CoreFilter',
  scope: 'capacity',
  resource: 'vcpus',
  prepare({ flavor, image }) {
    const wanted = demandOf(flavor, image).vcpus
    if (wanted === 0) return undefined
    return {
      wanted,
      passes: (host) => wanted <= freeCapacity.vcpus(host),
      reject: ({ limits, used }) => rejectForCapacity(wanted, limits?.vcpus, used.vcpus, words),
    }
  },
}
