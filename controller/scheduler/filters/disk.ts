/** DiskFilter: the disks fit (what placement does for DISK_GB). */
import type { Filter } from '../filter.ts'
import { demandOf } from '../request.ts'
import { lacking } from './capacity.ts'

const words = { tooLittle: 'too little disk', tooSmall: 'too small in disk', unit: 'GiB' }

export const diskFilter: Filter = {
  name: 'DiskFilter',
  prepare({ flavor, image }) {
    const wanted = demandOf(flavor, image).disk
    if (wanted === 0) return undefined
    return {
      passes({ limits, used }) {
        return limits !== undefined && wanted <= limits.disk.largest && used.disk + wanted <= limits.disk.limit
      },
      refusal: ({ limits, used }) => lacking(wanted, limits?.disk, used.disk, words),
    }
  },
}
