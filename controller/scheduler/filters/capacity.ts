/** What RamFilter, CoreFilter and DiskFilter share: why a resource does not fit. The rule is in room.ts. */
import type { Refusal } from '../filter.ts'
import type { Limit } from '../host-view.ts'

export interface Words {
  readonly tooLittle: string
  readonly tooSmall: string
  readonly unit: string
}

export function lacking(wanted: number, limit: Limit | undefined, used: number, words: Words): Refusal {
  if (limit === undefined) return { what: 'not ready', detail: 'its agent has not reported its capacity' }
  const need = `need ${wanted} ${words.unit}`
  if (wanted > limit.largest) {
    const largest = `${limit.largest} ${words.unit}`
    return {
      what: words.tooSmall,
      nearness: limit.largest,
      detail: `${need}, has ${largest}`,
      detailOfNearest: `${need}, largest has ${largest}`,
    }
  }
  const free = Math.max(0, limit.limit - used)
  return {
    what: words.tooLittle,
    nearness: free,
    detail: `${need}, free ${free} ${words.unit}`,
    detailOfNearest: `${need}, most free ${free} ${words.unit}`,
  }
}
