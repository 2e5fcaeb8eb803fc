/** Compares how fast the controller places Servers with how fast kube-scheduler places Pods on the same API server. */
import { resourceDefOf, type Server, server } from '../../crds/index.ts'
import { runParallel } from '../../kube/testing/rig.ts'
import { measureBacklog, type PlacingSpeed } from './backlog.ts'
import { keepHosts } from './idle-hosts.ts'
import { measureKubeScheduler } from './kube-scheduler.ts'
import type { Figure } from './measure-scale.ts'
import { createProjects, createServer, serverDraft } from './projects.ts'
import { type Program, type ScaleCloud, startScaleCloud } from './scale-cloud.ts'

export interface PlaceOptions {
  dir: string
  program: Program
  hosts: number
  servers: number
  log: (line: string) => void
}

export async function measurePlacing({ dir, program, hosts, servers, log }: PlaceOptions): Promise<Figure[]> {
  const stop = new AbortController()
  await using cloud = await startScaleCloud({ dir, hosts, program, log })
  try {
    await keepHosts(cloud.kube, hosts, stop.signal)
    const projects = await createProjects(cloud.kube, 2)
    log(`${hosts} hosts`)
    const withoutNetwork = await measureController(cloud, projects[0] ?? '', servers, { networks: [] })
    log('servers without network are placed')
    const withNetwork = await measureController(cloud, projects[1] ?? '', servers, {})
    log('servers with network are placed')
    stop.abort(new Error('the hosts are no longer needed'))
    const kubeScheduler = await measureKubeScheduler(cloud, dir, hosts, servers)
    const figures = (name: string, { perSecond, cpuMs }: PlacingSpeed): Figure[] => [
      { name: `${name}.placed_per_second`, value: perSecond, unit: 'servers/s' },
      { name: `${name}.cpu_per_placement`, value: cpuMs, unit: 'ms' },
    ]
    return [
      { name: 'scale.backlog.hosts', value: hosts, unit: 'hosts' },
      ...figures('scale.backlog.ours', withNetwork),
      ...figures('scale.backlog.ours.no_network', withoutNetwork),
      ...figures('scale.backlog.kube_scheduler', kubeScheduler),
    ]
  } finally {
    stop.abort(new Error('all is measured'))
  }
}

async function measureController(
  cloud: ScaleCloud,
  namespace: string,
  servers: number,
  spec: Partial<Server['spec']>,
): Promise<PlacingSpeed> {
  await runParallel(servers, 32, (i) => createServer(cloud.kube, serverDraft(namespace, `s${i}`, spec)))
  const isPlaced = ({ metadata, status }: Server): boolean =>
    metadata.namespace === namespace && status?.host !== undefined
  const start = async (): Promise<number> => (await cloud.startController('--lease-seconds', '240')).pid
  const speed = await measureBacklog(cloud.kube.resource(resourceDefOf(server)), isPlaced, servers, start)
  await cloud.end('controller')
  return speed
}
