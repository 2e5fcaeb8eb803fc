// Measures an installation with the Helm chart on two nodes with real kubelets, which already have the images: the
// sizes of the images, the time to the first Server, the memory of an agent's Pod, and what a guest notices of a
// restart of all agents. Prints lines `name value unit`.
import { mkdtempSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Server } from '../../crds/index.ts'
import { ensureImages } from '../../hack/images/ensure.ts'
import { Helm } from '../chart/helm.ts'
import { applyCountingServer, withTraffic } from '../e2e/guest-traffic.ts'
import { inNamespace, installChart } from '../rig/install-chart.ts'
import { placeGuestImage } from '../rig/place-image.ts'
import { type PodCloud, startPodCloud } from '../rig/pod-cloud.ts'
import { printFigure } from './lib/figures.ts'

interface Summary {
  pods: { podRef: { name: string }; memory?: { workingSetBytes?: number; rssBytes?: number } }[]
}

const images = await ensureImages(console.error)
for (const image of images)
  printFigure(`install.image.${/kubenova-(\w+)-/.exec(image)?.[1]}`, statSync(image).size / 1e6, 'MB')

const cloud: PodCloud = await startPodCloud({ dir: mkdtempSync(join(tmpdir(), 'kubenova-')), images, owned: true })
try {
  await measure()
} finally {
  await cloud.stop()
}

async function measure(): Promise<void> {
  const { plane, hosts, dir } = cloud
  await placeGuestImage(hosts.values())
  const helm = await Helm.create(dir, plane.kubeconfig)
  const begin = performance.now()
  await installChart(cloud, helm)
  printFigure('install.hypervisors_ready', (performance.now() - begin) / 1000, 's')
  await applyCountingServer(cloud)
  printFigure('install.first_server', (performance.now() - begin) / 1000, 's')
  const server = JSON.parse(await plane.kubectl('get', 'server', 'web-1', '-o', 'json')) as Server
  const name = server.status?.host ?? ''
  const host = hosts.get(name)
  if (!host) throw new Error(`web-1 is on no host: ${JSON.stringify(server.status)}`)
  let took = 0
  const report = await withTraffic(host, server, async () => {
    await printAgentMemory(name)
    const restart = performance.now()
    await plane.kubectl(...inNamespace, 'rollout', 'restart', 'daemonset/kubenova-agent')
    await plane.kubectl(...inNamespace, 'rollout', 'status', 'daemonset/kubenova-agent', '--timeout=120s')
    took = (performance.now() - restart) / 1000
  })
  printFigure('install.rollout', took, 's')
  for (const [name, { arrived, lost }] of Object.entries(report)) {
    printFigure(`install.rollout.${name}_arrived`, arrived, '')
    printFigure(`install.rollout.${name}_lost`, lost, '')
  }
}

async function printAgentMemory(node: string): Promise<void> {
  const summary = JSON.parse(
    await cloud.plane.kubectl('get', '--raw', `/api/v1/nodes/${node}/proxy/stats/summary`),
  ) as Summary
  const memory = summary.pods.find(({ podRef }) => podRef.name.startsWith('kubenova-agent-'))?.memory
  printFigure('install.agent_pod.rss', (memory?.rssBytes ?? Number.NaN) / 1e6, 'MB')
  printFigure('install.agent_pod.working_set', (memory?.workingSetBytes ?? Number.NaN) / 1e6, 'MB')
  const host = cloud.hosts.get(node)
  const rss = await host?.exec([
    'sh',
    '-c',
    "ps -eo rss,args | awk '/node .*agent.mjs/ && !/tini/ && !/awk/ { print $1 }'",
  ])
  printFigure('install.agent_process.rss', Number(rss) / 1000, 'MB')
}
