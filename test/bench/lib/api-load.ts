import { waitUntil } from '../../rig/wait-until.ts'
import { cpuSeconds } from '../../scale/process-stats.ts'
import type { ApiUser } from './api-user.ts'
import { medianOf } from './figures.ts'

/** Each figure is the lowest of all rounds, because other programs on the machine can only make a figure worse. */
export interface Timing {
  /** Median time of a request in ms. */
  p50: number
  /** CPU time of the shim for each request, in ms. NaN if the process of the shim is not known. */
  cpu: number
}

const cpuOf = (pid: number | undefined): number => (pid === undefined ? Number.NaN : cpuSeconds(pid))

/** @param pid the shim's process */
export async function timeRequests(
  pid: number | undefined,
  { rounds, requests }: { rounds: number; requests: number },
  send: (i: number) => Promise<{ took: number }>,
): Promise<Timing> {
  const results: Timing[] = []
  for (let round = 0; round < rounds; round++) {
    const [times, before] = [[] as number[], cpuOf(pid)]
    for (let i = 0; i < requests; i++) times.push((await send(round * requests + i)).took)
    results.push({ p50: medianOf(times), cpu: ((cpuOf(pid) - before) / requests) * 1000 })
  }
  return {
    p50: Math.min(...results.map(({ p50 }) => p50)),
    cpu: Math.min(...results.map(({ cpu }) => cpu)),
  }
}

/** Each client sends a request as soon as the last one is answered. */
export async function measureRate(
  { rounds, clients, seconds }: { rounds: number; clients: number; seconds: number },
  send: () => Promise<unknown>,
): Promise<number> {
  const rates: number[] = []
  for (let round = 0; round < rounds; round++) {
    const begin = performance.now()
    let answered = 0
    const runClient = async (): Promise<void> => {
      while (performance.now() - begin < seconds * 1000) {
        await send()
        answered++
      }
    }
    await Promise.all(Array.from({ length: clients }, runClient))
    rates.push(answered / ((performance.now() - begin) / 1000))
  }
  return Math.max(...rates)
}

export interface Boot {
  imageRef: string
  flavorRef: string
  networks: 'auto' | 'none'
}

export async function findBootParts(user: ApiUser): Promise<Boot> {
  const { images } = await user.get<{ images: { id: string }[] }>('image', '/v2/images')
  const { flavors } = await user.get<{ flavors: { id: string }[] }>('compute', '/flavors')
  return { imageRef: images[0]?.id ?? '', flavorRef: flavors[0]?.id ?? '', networks: 'auto' }
}

export const createServer = (user: ApiUser, name: string, boot: Boot): ReturnType<ApiUser['request']> =>
  user.request('POST', 'compute', '/servers', 202, { server: { name, ...boot } })

/** Returns the time of the request alone, but waits until the server is ACTIVE: its boot must not slow the next one. */
export async function createServerAndWait(user: ApiUser, name: string, boot: Boot): Promise<{ took: number }> {
  const { took, text } = await createServer(user, name, boot)
  const { id } = (JSON.parse(text) as { server: { id: string } }).server
  const isActive = async (): Promise<boolean> =>
    (await user.get<{ server: { status: string } }>('compute', `/servers/${id}`)).server.status === 'ACTIVE'
  await waitUntil(isActive, { what: `${name} to be ACTIVE`, every: 20, deadline: 300_000 })
  return { took }
}

export const readDetail = (user: ApiUser): ReturnType<ApiUser['request']> =>
  user.request('GET', 'compute', '/servers/detail', 200)

export const readServer = (user: ApiUser, id: string): ReturnType<ApiUser['request']> =>
  user.request('GET', 'compute', `/servers/${id}`, 200)

export async function listServerIds(user: ApiUser, query = ''): Promise<string[]> {
  const { servers } = await user.get<{ servers: { id: string }[] }>('compute', `/servers${query}`)
  return servers.map(({ id }) => id)
}

/** Returns the seconds until the API shows all servers as ACTIVE. */
export async function timeBurst(user: ApiUser, count: number, boot: Boot, name: string): Promise<number> {
  const begin = performance.now()
  await Promise.all(Array.from({ length: count }, (_, i) => createServer(user, `${name}-${i}`, boot)))
  const areActive = async (): Promise<boolean> =>
    (await listServerIds(user, `?status=ACTIVE&name=${name}-`)).length === count
  await waitUntil(areActive, { what: `${count} servers to be ACTIVE`, every: 20, deadline: 900_000 })
  return (performance.now() - begin) / 1000
}

export async function deleteServers(user: ApiUser): Promise<void> {
  const ids = await listServerIds(user)
  await Promise.all(ids.map((id) => user.request('DELETE', 'compute', `/servers/${id}`, 204)))
  const areGone = async (): Promise<boolean> => (await listServerIds(user)).length === 0
  await waitUntil(areGone, { what: 'the servers to be gone', every: 100, deadline: 900_000 })
}
