import type { Figure } from '../../scale/measure-scale.ts'
import {
  type Boot,
  createServerAndWait,
  deleteServers,
  listServerIds,
  measureRate,
  readDetail,
  readServer,
  timeBurst,
  timeRequests,
} from './api-load.ts'
import type { ApiUser } from './api-user.ts'

interface RequestOptions {
  boot: Boot
  /** Number of servers of the burst, and of the list. */
  few: number
  rounds: number
  /** The process that serves the API; undefined: its CPU time is not measured. */
  pid?: number
  log: (line: string) => void
}

const CLIENTS = 10

/** The user's project must have no servers. Those of the last burst are left in it. */
export async function measureRequests(user: ApiUser, options: RequestOptions): Promise<Figure[]> {
  const { boot, few, rounds, pid } = options
  const post = await timeRequests(pid, { rounds, requests: 30 }, (i) => createServerAndWait(user, `one-${i}`, boot))
  const burst = await measureBurst(user, options)
  const ids = await listServerIds(user)
  const detail = await timeRequests(pid, { rounds, requests: 100 }, () => readDetail(user))
  const show = await timeRequests(pid, { rounds, requests: 300 }, (i) => readServer(user, ids[i % ids.length] ?? ''))
  const rate = await measureRate({ rounds, clients: CLIENTS, seconds: 5 }, () => readDetail(user))
  const cpu: Figure[] = [
    { name: `detail.${few}.cpu`, value: detail.cpu, unit: 'ms' },
    { name: 'show.cpu', value: show.cpu, unit: 'ms' },
  ]
  return [
    { name: 'post.p50', value: post.p50, unit: 'ms' },
    { name: `burst.${few}.active_per_second`, value: burst, unit: 'servers/s' },
    { name: `detail.${few}.p50`, value: detail.p50, unit: 'ms' },
    { name: 'show.p50', value: show.p50, unit: 'ms' },
    ...(pid === undefined ? [] : cpu),
    { name: `detail.${few}.clients.${CLIENTS}`, value: rate, unit: 'requests/s' },
  ]
}

/**
 * Returns servers per second until all are ACTIVE. Deletes the user's servers first; those of the last round are left.
 */
export async function measureBurst(user: ApiUser, { boot, few, rounds, log }: RequestOptions): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    await deleteServers(user)
    times.push(await timeBurst(user, few, boot, `burst${round}`))
    log(`${few} servers are ACTIVE after ${times.at(-1)?.toFixed(1)} s`)
  }
  return few / Math.min(...times)
}
