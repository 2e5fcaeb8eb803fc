/** A backlog of servers for the real controller, and of Pods for kube-scheduler: one after the other on one API server. */
import { resourceDefOf, type Server, server } from '../../crds/index.ts'
import { runParallel } from '../../kube/testing/rig.ts'
import { type Backlog, drain } from './backlog.ts'
import { keepHosts } from './hosts.ts'
import type { Figure } from './measure.ts'
import { makeProjects, makeServer, serverDraft } from './projects.ts'
import { kubeScheduler } from './rival.ts'
import { type Program, type Stage, startStage } from './stage.ts'

export interface PlaceOptions {
  dir: string
  program: Program
  hosts: number
  servers: number
  log: (line: string) => void
}

export async function measurePlacing({ dir, program, hosts, servers, log }: PlaceOptions): Promise<Figure[]> {
  const stop = new AbortController()
  await using stage = await startStage({ dir, hosts, program, log })
  try {
    await keepHosts(stage.kube, hosts, stop.signal)
    const projects = await makeProjects(stage.kube, 2)
    log(`${hosts} hosts`)
    const bare = await ours(stage, projects[0] ?? '', servers, { networks: [] })
    log('servers without network are placed')
    const whole = await ours(stage, projects[1] ?? '', servers, {})
    log('servers with network are placed')
    stop.abort(new Error('the hosts are no longer needed'))
    const theirs = await kubeScheduler(stage, dir, hosts, servers)
    const figures = (name: string, { perSecond, cpu }: Backlog): Figure[] => [
      { name: `${name}.placed_per_second`, value: perSecond, unit: 'servers/s' },
      { name: `${name}.cpu_per_placement`, value: cpu, unit: 'ms' },
    ]
    return [
      { name: 'scale.backlog.hosts', value: hosts, unit: 'hosts' },
      ...figures('scale.backlog.ours', whole),
      ...figures('scale.backlog.ours.no_network', bare),
      ...figures('scale.backlog.kube_scheduler', theirs),
    ]
  } finally {
    stop.abort(new Error('all is measured'))
  }
}

async function ours(stage: Stage, namespace: string, servers: number, spec: Partial<Server['spec']>): Promise<Backlog> {
  await runParallel(servers, 32, (i) => makeServer(stage.kube, serverDraft(namespace, `s${i}`, spec)))
  const isPlaced = ({ metadata, status }: Server): boolean =>
    metadata.namespace === namespace && status?.host !== undefined
  const start = async (): Promise<number> => (await stage.startController('--lease-seconds', '240')).pid
  const done = await drain(stage.kube.resource(resourceDefOf(server)), isPlaced, servers, start)
  await stage.end('controller')
  return done
}
