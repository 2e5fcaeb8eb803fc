/**
 * Exchanges: recorded requests to a real Nova with its answers, one JSON object per line. Exchanges of one group at one
 * microversion are replayed together, in order.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { restoreIds } from './restored-ids.ts'

export interface RecordedResponse {
  status: number
  headers: Readonly<Record<string, string>>
  /** `raw` is the text of a body that is no JSON. An empty body sets neither field. */
  body?: unknown
  raw?: string
}

export interface Exchange {
  id: string
  group: string
  /** The position of this exchange among those of its group at `microversion`. */
  n: number
  /** Empty for an exchange that tests the microversion headers themselves. */
  microversion: string
  /**
   * Further microversions with the same answer, each with the exchange's position in its group at that microversion.
   */
  sameAt?: Readonly<Record<string, number>>
  as: string
  /** The state of the cloud before the request, in words, such as `{server:1}: vm_state paused, task none`. */
  setup: string
  request: {
    method: string
    path: string
    headers: Readonly<Record<string, string>>
    body?: unknown
    raw?: string
  }
  /** null: Nova's answer is not known. The request is still sent, because later requests may build on it. */
  response: RecordedResponse | null
}

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
    return runsOf(restoreIds(lines.map((line) => JSON.parse(line) as Exchange)))
  })
}

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
