import { fitLine, isGrowing } from './growth.ts'
import { Inspector } from './inspector.ts'
import { filesOf, memoryOf } from './process-stats.ts'
import type { CloudProcess } from './scale-cloud.ts'

/**
 * Growth per hour that does not count as a leak; the heap is in MB. At 2 operations a second, even a leak of 100 bytes
 * per operation exceeds the limit (0.7 MB an hour).
 */
const tolerances = { heap: 0.5, sockets: 2, fds: 2, handles: 2 } as const

type JudgedFigure = keyof typeof tolerances

interface ProcessFigures extends Record<JudgedFigure, number> {
  rss: number
}

export interface Sample {
  minute: number
  /** Measured values by process name. */
  processes: Record<string, ProcessFigures>
}

/** Rejects if a process does not answer. */
export async function takeSample(processes: readonly CloudProcess[], minute: number): Promise<Sample> {
  const values: Record<string, ProcessFigures> = {}
  for (const { name, pid, inspector } of processes) {
    // While the connection is open, the inspected process does not exit by itself.
    await using connection = await Inspector.connect(inspector)
    const { heapMB, handles } = await connection.inspectHeap()
    const { fds, sockets } = filesOf(pid)
    const all = Object.values(handles).reduce((sum, n) => sum + n, 0)
    values[name] = { heap: heapMB, rss: memoryOf(pid).rss, fds, sockets, handles: all }
  }
  return { minute, processes: values }
}

export function formatSample({ minute, processes }: Sample): string {
  const texts = Object.entries(processes).map(([name, { heap, rss, fds, sockets, handles }]) =>
    [
      name,
      `heap ${heap.toFixed(2)} MB`,
      `rss ${rss.toFixed(0)} MB`,
      `${fds} fds`,
      `${sockets} sockets`,
      `${handles} handles`,
    ].join(' '),
  )
  return `minute ${minute}: ${texts.join(' | ')}`
}

export interface Verdict {
  grows: boolean
  line: string
}

/** Does not judge resident memory, because it includes memory that V8 has freed but not returned to the system. */
export function judgeGrowth(samples: readonly Sample[]): Verdict[] {
  const names = Object.keys(samples[0]?.processes ?? {})
  return names.flatMap((name) =>
    (Object.keys(tolerances) as JudgedFigure[]).map((figure) => {
      const points = samples.map(({ minute, processes }) => ({ x: minute, y: processes[name]?.[figure] ?? Number.NaN }))
      const { slope, standardError, mean } = fitLine(points)
      const tolerance = tolerances[figure]
      const bad = isGrowing(points, tolerance)
      const numbers = `${(slope * 60).toFixed(3)} ± ${(2 * standardError * 60).toFixed(3)} an hour, of ${mean.toFixed(2)}`
      return { grows: bad, line: `${bad ? 'GROWS' : 'ok   '} ${name} ${figure}: ${numbers} (tolerance ${tolerance})` }
    }),
  )
}
