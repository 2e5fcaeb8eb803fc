import type { RejectionReason } from '../filter.ts'
import type { Limit } from '../host-view.ts'

export interface ResourceWords {
  /** The summary if the host's other servers leave too little of the resource. */
  readonly tooLittle: string
  /** The summary if the server would not fit even if the host were empty. */
  readonly tooSmall: string
  readonly unit: string
}

export function rejectForCapacity(
  wanted: number,
  limit: Limit | undefined,
  used: number,
  words: ResourceWords,
): RejectionReason {
  if (limit === undefined) return { summary: 'not ready', detail: 'its agent has not reported its capacity' }
  const need = `need ${wanted} ${words.unit}`
  if (wanted > limit.maxPerServer) {
    const size = `${limit.maxPerServer} ${words.unit}`
    return {
      summary: words.tooSmall,
      closeness: limit.maxPerServer,
      detail: `${need}, has ${size}`,
      detailOfClosest: `${need}, largest has ${size}`,
    }
  }
  const free = Math.max(0, limit.limit - used)
  return {
    summary: words.tooLittle,
    closeness: free,
    detail: `${need}, free ${free} ${words.unit}`,
    detailOfClosest: `${need}, most free ${free} ${words.unit}`,
  }
}
