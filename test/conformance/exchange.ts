/** Recorded exchanges with a real Nova: one JSON object a line, in groups that are replayed together. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface RecordedResponse {
  status: number
  headers: Readonly<Record<string, string>>
  /** The parsed body, or the body as it is; neither if it was empty. */
  body?: unknown
  raw?: string
}

export interface Exchange {
  id: string
  group: string
  /** The place within the run of the group at one microversion. */
  n: number
  /** Empty if the headers themselves are the subject. */
  microversion: string
  /** The microversions at which the same request got the same answer, with the place in that run. */
  sameAt?: Readonly<Record<string, number>>
  as: string
  /** The state before the request, in short words. */
  setup: string
  request: {
    method: string
    path: string
    headers: Readonly<Record<string, string>>
    body?: unknown
    raw?: string
  }
  /** null: the answer is not known, and the request only takes part in the run. */
  response: RecordedResponse | null
}

/** The exchanges of one group at one microversion, in the order of the recording. */
export interface Run {
  group: string
  microversion: string
  exchanges: Exchange[]
}

/** @param area the name of a file without its ending; absent: all files */
export function loadRuns(folder: string, area?: string): Run[] {
  const files = globSync(`${area ?? '*'}.jsonl`, { cwd: folder })
    .filter((file) => !file.startsWith('client-'))
    .toSorted()
  return files.flatMap((file) => {
    const lines = readFileSync(join(folder, file), 'utf8').split('\n').filter(Boolean)
    return runsOf(lines.map((line) => JSON.parse(line) as Exchange))
  })
}

/** A run, and the place of each exchange in the recording. */
interface Entry {
  run: Run
  places: Map<Exchange, number>
}

const newEntry = (run: Run): Entry => ({ run, places: new Map() })

function runsOf(exchanges: readonly Exchange[]): Run[] {
  const runs = new Map<string, Entry>()
  for (const exchange of exchanges)
    for (const [microversion, place] of [
      [exchange.microversion, exchange.n] as const,
      ...Object.entries(exchange.sameAt ?? {}),
    ]) {
      const key = `${exchange.group}\n${microversion}`
      const entry = runs.get(key) ?? newEntry({ group: exchange.group, microversion, exchanges: [] })
      runs.set(key, entry)
      entry.run.exchanges.push(exchange)
      entry.places.set(exchange, place)
    }
  return [...runs.values()].map(({ run, places }) => ({
    ...run,
    exchanges: run.exchanges.toSorted((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0)),
  }))
}
