// What a cloud at rest writes: some servers that run, and the API writes of controller and agent in a time; beside it a kubelet with as many Pods on the
// same API server. Prints `name value unit`.
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { kubeletWithPods } from '../scale/kubelet.ts'
import { benchCloud, between, manifest, type Written, writesOf } from './lib/cloud.ts'
import { printFigure } from './lib/figures.ts'

const { values } = parseArgs({
  options: { servers: { type: 'string', default: '20' }, seconds: { type: 'string', default: '300' } },
})
const names = Array.from({ length: Number(values.servers) }, (_, i) => `s${i}`)
const seconds = Number(values.seconds)

await using bench = await benchCloud(1)
await bench.kubectl('patch', 'hypervisor', 'h1', '--type=merge', '-p', '{"spec":{"allocationRatios":{"vcpu":64}}}')
await bench.kubectl('apply', '--server-side', '-f', manifest(bench, names))
await bench.kubectl('wait', '--for=condition=Ready', 'server', '--all', '--timeout=300s')
const { dir, cloud } = bench
const { api, kubeconfig } = cloud.plane
await using kubelet = await kubeletWithPods({ dir, kubeconfig, api, pods: names.length, log: console.log })
// What is written now and then (figures of the host) is written once more.
await delay(65_000)
const count = () => ({ ours: writesOf(bench), kubelet: writesOf(bench, kubelet ? [kubelet.name] : []) })
const before = count()
await delay(seconds * 1000)
const after = count()
show('steady', 'servers', between(before.ours, after.ours))
if (kubelet) show('steady.kubelet', 'pods', between(before.kubelet, after.kubelet))

function show(name: string, guests: string, { sum, each, events, leases }: Written): void {
  printFigure(`${name}.api_writes.${names.length}_${guests}.${seconds}s`, sum, `writes (${each || 'none'})`)
  printFigure(`${name}.events`, events, 'writes')
  printFigure(`${name}.leases`, leases / (seconds / 60), 'writes a minute')
}
