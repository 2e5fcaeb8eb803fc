import { setTimeout as delay } from 'node:timers/promises'
import { resourceDefOf, server } from '../../crds/index.ts'
import {
  createServer,
  deleteServers,
  findBootParts,
  listServerIds,
  readDetail,
  readServer,
  timeRequests,
} from '../bench/lib/api-load.ts'
import { ApiUser } from '../bench/lib/api-user.ts'
import { measureBurst, measureRequests } from '../bench/lib/measure-requests.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { hostNameOf } from './fleet.ts'
import type { Figure } from './measure-scale.ts'
import { multiplyServer } from './multiply-server.ts'
import { memoryOf } from './process-stats.ts'
import { createProjects, serverDraft } from './projects.ts'
import { leanFlags, type Program, type ScaleCloud, startScaleCloud } from './scale-cloud.ts'

export interface ApiOptions {
  dir: string
  program: Program
  hosts: number
  /** Number of servers of the burst, and of the short list. */
  few: number
  /** Number of servers of the long list. */
  many: number
  /** Number of servers in all projects together. */
  total: number
  rounds: number
  print: (figures: readonly Figure[]) => void
  log: (line: string) => void
}

const REST_MS = 30_000

export async function measureApi(options: ApiOptions): Promise<void> {
  const { dir, program, hosts, print, log } = options
  const nodeFlags = program.isBuilt ? leanFlags : []
  await using cloud = await startScaleCloud({ dir, hosts, program, nodeFlags, log })
  const projects = await createProjects(cloud.kube, 3)
  await cloud.startController('--lease-seconds', '240')
  await cloud.startFleets()
  log(`${hosts} hosts are up`)
  print(await measureSmallCloud(cloud, projects, options))
  print(await measureLargeCloud(cloud, projects, options))
}

/** Signs the member in for each project. */
async function startShim(cloud: ScaleCloud, projects: readonly string[]) {
  const { url, users } = await cloud.startShim(projects)
  const member = users.find(({ role }) => role === 'member')
  if (!member) throw new Error('the shim has no member')
  const { name, password } = member
  const signedIn = await Promise.all(
    projects.map((project) => ApiUser.signIn({ authUrl: `${url}/identity/v3`, name, password, project })),
  )
  return { pid: cloud.process('api-shim').pid, users: signedIn }
}

async function measureSmallCloud(
  cloud: ScaleCloud,
  projects: readonly string[],
  { few, rounds, log }: ApiOptions,
): Promise<Figure[]> {
  const { pid, users } = await startShim(cloud, projects)
  const [user] = users
  if (!user) throw new Error('no project')
  try {
    const boot = await findBootParts(user)
    const direct = await timeRequests(pid, { rounds, requests: 30 }, (i) => createDirectly(cloud, projects[0] ?? '', i))
    const withPorts = await measureBurst(user, { boot, few, rounds, log })
    await deleteServers(user)
    // As for a rival, whose networks need not work, these servers have no networks.
    const figures = await measureRequests(user, { boot: { ...boot, networks: 'none' }, few, rounds, pid, log })
    for (const other of users.slice(1)) await bootModel(cloud, other)
    return [
      { name: 'post.kubernetes.p50', value: direct.p50, unit: 'ms' } as const,
      { name: `burst.${few}.with_ports.active_per_second`, value: withPorts, unit: 'servers/s' } as const,
      ...figures,
    ].map((figure) => ({ ...figure, name: `api.${figure.name}` }))
  } finally {
    for (const one of users) one.close()
  }
}

/** As createServerAndWait, but without the shim. */
async function createDirectly({ kube }: ScaleCloud, namespace: string, i: number): Promise<{ took: number }> {
  const name = `direct-${i}`
  const api = kube.resource(resourceDefOf(server))
  const begin = performance.now()
  await api.create(serverDraft(namespace, name))
  const took = performance.now() - begin
  const isActive = async (): Promise<boolean> => (await api.get({ namespace, name })).status?.vmState === 'active'
  await waitUntil(isActive, { what: `${name} to be active`, every: 20, deadline: 60_000 })
  return { took }
}

/** Creates the server that is copied later. */
async function bootModel({ kube }: ScaleCloud, user: ApiUser): Promise<void> {
  await createServer(user, 'model', await findBootParts(user))
  const isActive = async (): Promise<boolean> => (await listServerIds(user, '?status=ACTIVE')).length === 1
  await waitUntil(isActive, { what: 'the server to be ACTIVE', every: 100, deadline: 120_000 })
  // The action record of the creation is copied together with the server. So wait until the creation has ended.
  await waitUntil(
    async () => {
      const { items } = await kube.resource(resourceDefOf(server)).list()
      return items.every(({ status }) => status?.activeAction === undefined)
    },
    { what: 'all actions to end', every: 100, deadline: 120_000 },
  )
}

/** No controller and no agents run, so that only the shim is measured. */
async function measureLargeCloud(
  cloud: ScaleCloud,
  projects: readonly string[],
  { dir, hosts, few, many, total, rounds, log }: ApiOptions,
): Promise<Figure[]> {
  for (const name of cloud.processes.keys()) await cloud.end(name)
  const counts = [0, many - 1, total - many - few - 1]
  for (const [i, namespace] of projects.entries()) {
    const { items } = await cloud.kube.resource(resourceDefOf(server)).list({ namespace })
    const model = items[0]?.metadata.name ?? ''
    const count = Math.max(counts[i] ?? 0, 0)
    if (count > 0) await multiplyServer({ dir, namespace, model, count, hostOf: (n) => hostNameOf(1 + (n % hosts)) })
  }
  // The copies were written to etcd directly. After a restart, the API server reads them in one list, instead of
  // through thousands of watch events.
  await cloud.plane.restart('kube-apiserver')
  log(`${total} servers are in etcd`)
  const { pid, users } = await startShim(cloud, projects)
  const user = users[1]
  if (!user) throw new Error('no second project')
  try {
    await delay(REST_MS)
    const rest = memoryOf(pid)
    const detail = await timeRequests(pid, { rounds, requests: 20 }, () => readDetail(user))
    const ids = await listServerIds(user)
    if (ids.length !== many) throw new Error(`the long list has ${ids.length} servers`)
    const show = await timeRequests(pid, { rounds, requests: 300 }, (i) => readServer(user, ids[i % ids.length] ?? ''))
    await delay(REST_MS)
    const worked = memoryOf(pid)
    return [
      { name: `api.detail.${many}.p50`, value: detail.p50, unit: 'ms' },
      { name: `api.detail.${many}.cpu`, value: detail.cpu, unit: 'ms' },
      { name: `api.show.of_${total}.p50`, value: show.p50, unit: 'ms' },
      { name: `api.rest.rss`, value: rest.rss, unit: 'MB' },
      { name: `api.worked.rss`, value: worked.rss, unit: 'MB' },
      { name: `api.peak.rss`, value: worked.peak, unit: 'MB' },
    ]
  } finally {
    for (const one of users) one.close()
  }
}
