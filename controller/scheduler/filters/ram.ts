/** RamFilter: the server's memory must fit on the host (Nova's placement service counts it as MEMORY_MB). */
import type { Filter } from '../filter.ts'
import { freeCapacity } from '../free-capacity.ts'
import { demandOf } from '../request.ts'
import { rejectForCapacity } from './capacity-rejection.ts'

const words = { tooLittle: 'too little memory', tooSmall: 'too small in memory', unit: 'MiB' }

export const ramFilter: Filter = {
  name: 'RamFilter',
  scope: 'capacity',
  resource: 'ram',
  prepare({ flavor, image }) {
    const wanted = demandOf(flavor, image).ram
    if (wanted === 0) return undefined
    return {
      wanted,
      passes: (host) => wanted <= freeCapacity.ram(host),
      reject: ({ limits, used }) => rejectForCapacity(wanted, limits?.ram, used.ram, words),
    }
  },
}
