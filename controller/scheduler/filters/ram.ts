/** RamFilter: the memory fits (what placement does for MEMORY_MB). */
import type { Filter } from '../filter.ts'
import { demandOf } from '../request.ts'
import { rooms } from '../room.ts'
import { lacking } from './capacity.ts'

const words = { tooLittle: 'too little memory', tooSmall: 'too small in memory', unit: 'MiB' }

export const ramFilter: Filter = {
  name: 'RamFilter',
  sees: 'room',
  room: 'ram',
  prepare({ flavor, image }) {
    const wanted = demandOf(flavor, image).ram
    if (wanted === 0) return undefined
    return {
      wanted,
      passes: (host) => wanted <= rooms.ram(host),
      refusal: ({ limits, used }) => lacking(wanted, limits?.ram, used.ram, words),
    }
  },
}
