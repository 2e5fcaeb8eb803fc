/** RamFilter: the memory fits (what placement does for MEMORY_MB). */
import type { Filter } from '../filter.ts'
import { demandOf } from '../request.ts'
import { lacking } from './capacity.ts'

const words = { tooLittle: 'too little memory', tooSmall: 'too small in memory', unit: 'MiB' }

export const ramFilter: Filter = {
  name: 'RamFilter',
  prepare({ flavor, image }) {
    const wanted = demandOf(flavor, image).ram
    if (wanted === 0) return undefined
    return {
      passes({ limits, used }) {
        return limits !== undefined && wanted <= limits.ram.largest && used.ram + wanted <= limits.ram.limit
      },
      refusal: ({ limits, used }) => lacking(wanted, limits?.ram, used.ram, words),
    }
  },
}
