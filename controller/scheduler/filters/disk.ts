/** DiskFilter: the disks fit (what placement does for DISK_GB). */
import type { Filter } from '../filter.ts'
import { demandOf } from '../request.ts'
import { rooms } from '../room.ts'
import { lacking } from './capacity.ts'

const words = { tooLittle: 'too little disk', tooSmall: 'too small in disk', unit: 'GiB' }

export const diskFilter: Filter = {
  name: 'DiskFilter',
  sees: 'room',
  room: 'disk',
  prepare({ flavor, image }) {
    const wanted = demandOf(flavor, image).disk
    if (wanted === 0) return undefined
    return {
      wanted,
      passes: (host) => wanted <= rooms.disk(host),
      refusal: ({ limits, used }) => lacking(wanted, limits?.disk, used.disk, words),
    }
  },
}
