/** DiskFilter: the server's disks must fit on the host (Nova's placement service counts them as DISK_GB). */
import type { Filter } from '../filter.ts'
import { freeCapacity } from '../free-capacity.ts'
import { demandOf } from '../request.ts'
import { rejectForCapacity } from './capacity-rejection.ts'

const words = { tooLittle: 'too little disk', tooSmall: 'too small in disk', unit: 'GiB' }

export const diskFilter: Filter = {
  name: 'DiskFilter',
  scope: 'capacity',
  resource: 'disk',
  prepare({ flavor, image }) {
    const wanted = demandOf(flavor, image).disk
    if (wanted === 0) return undefined
    return {
      wanted,
      passes: (host) => wanted <= freeCapacity.disk(host),
      reject: ({ limits, used }) => rejectForCapacity(wanted, limits?.disk, used.disk, words),
    }
  },
}
