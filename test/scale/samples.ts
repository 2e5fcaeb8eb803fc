/** What is measured of each process each minute, and what it comes to. */
import { fit, grows } from './fit.ts'
import { Inspector } from './inspector.ts'
import { filesOf, memoryOf } from './proc.ts'
import type { Part } from './stage.ts'

/** Growth in an hour that is taken for none. A leak of one small object (100 bytes) for each operation would be 0.7 MB in an hour of 2 a second. */
const tolerances = { heap: 0.5, sockets: 2, fds: 2, handles: 2 } as const

type Measured = keyof typeof tolerances

interface Values extends Record<Measured, number> {
  rss: number
}

export interface Sample {
  minute: number
  /** By process. */
  parts: Record<string, Values>
}

/** @throws if one of the processes does not answer */
export async function sample(parts: readonly Part[], minute: number): Promise<Sample> {
  const values: Record<string, Values> = {}
  for (const { name, pid, inspector } of parts) {
    // Not for longer than it takes: a process under inspection does not end by itself.
    await using eye = await Inspector.connect(inspector)
    const { heap, handles } = await eye.look()
    const { fds, sockets } = filesOf(pid)
    const all = Object.values(handles).reduce((sum, n) => sum + n, 0)
    values[name] = { heap, rss: memoryOf(pid).rss, fds, sockets, handles: all }
  }
  return { minute, parts: values }
}

export function describe({ minute, parts }: Sample): string {
  const each = Object.entries(parts).map(([name, { heap, rss, fds, sockets, handles }]) =>
    [
      name,
      `heap ${heap.toFixed(2)} MB`,
      `rss ${rss.toFixed(0)} MB`,
      `${fds} fds`,
      `${sockets} sockets`,
      `${handles} handles`,
    ].join(' '),
  )
  return `minute ${minute}: ${each.join(' | ')}`
}

export interface Verdict {
  grows: boolean
  line: string
}

/** One of each process and each figure. Resident memory is shown, not judged: it says what V8 has not given back. */
export function judge(samples: readonly Sample[]): Verdict[] {
  const names = Object.keys(samples[0]?.parts ?? {})
  return names.flatMap((name) =>
    (Object.keys(tolerances) as Measured[]).map((figure) => {
      const points = samples.map(({ minute, parts }) => ({ x: minute, y: parts[name]?.[figure] ?? Number.NaN }))
      const { slope, error, mean } = fit(points)
      const tolerance = tolerances[figure]
      const bad = grows(points, tolerance)
      const numbers = `${(slope * 60).toFixed(3)} ± ${(2 * error * 60).toFixed(3)} an hour, of ${mean.toFixed(2)}`
      return { grows: bad, line: `${bad ? 'GROWS' : 'ok   '} ${name} ${figure}: ${numbers} (tolerance ${tolerance})` }
    }),
  )
}
