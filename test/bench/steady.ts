// Counts the API writes of a cloud at rest: those of controller and agent with some running Servers, and for comparison
// those of a kubelet with as many Pods. Prints lines `name value unit`.
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startKubeletWithPods } from '../scale/kubelet.ts'
import { countWrites, diffWrites, startBenchCloud, type WriteCounts, writeServerManifest } from './lib/bench-cloud.ts'
import { printFigure } from './lib/figures.ts'

const { values } = parseArgs({
  options: { servers: { type: 'string', default: '20' }, seconds: { type: 'string', default: '300' } },
})
const names = Array.from({ length: Number(values.servers) }, (_, i) => `s${i}`)
const seconds = Number(values.seconds)

await using bench = await startBenchCloud(1)
await bench.kubectl('patch', 'hypervisor', 'h1', '--type=merge', '-p', '{"spec":{"allocationRatios":{"vcpu":64}}}')
await bench.kubectl('apply', '--server-side', '-f', writeServerManifest(bench, names))
await bench.kubectl('wait', '--for=condition=Ready', 'server', '--all', '--timeout=300s')
const { dir, cloud } = bench
const { api, kubeconfig } = cloud.plane
await using kubelet = await startKubeletWithPods({ dir, kubeconfig, api, pods: names.length, log: console.log })
// The controller writes the usage of a host at most once a minute; wait for the write for the new Servers.
await delay(65_000)
const countAllWrites = () => ({ ours: countWrites(bench), kubelet: countWrites(bench, kubelet ? [kubelet.name] : []) })
const before = countAllWrites()
await delay(seconds * 1000)
const after = countAllWrites()
printWrites('steady', 'servers', diffWrites(before.ours, after.ours))
if (kubelet) printWrites('steady.kubelet', 'pods', diffWrites(before.kubelet, after.kubelet))

function printWrites(name: string, guests: string, { total, byResource, events, leases }: WriteCounts): void {
  printFigure(`${name}.api_writes.${names.length}_${guests}.${seconds}s`, total, `writes (${byResource || 'none'})`)
  printFigure(`${name}.events`, events, 'writes')
  printFigure(`${name}.leases`, leases / (seconds / 60), 'writes a minute')
}
