// What a cloud at rest writes: some servers that run, and the API writes of controller and agent in a time. Prints `name value unit`.
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { benchCloud, between, manifest, print, writesOf } from './lib/cloud.ts'

const { values } = parseArgs({
  options: { servers: { type: 'string', default: '20' }, seconds: { type: 'string', default: '300' } },
})
const names = Array.from({ length: Number(values.servers) }, (_, i) => `s${i}`)
const seconds = Number(values.seconds)

await using bench = await benchCloud(1)
await bench.kubectl('patch', 'hypervisor', 'h1', '--type=merge', '-p', '{"spec":{"allocationRatios":{"vcpu":64}}}')
await bench.kubectl('apply', '--server-side', '-f', manifest(bench, names))
await bench.kubectl('wait', '--for=condition=Ready', 'server', '--all', '--timeout=300s')
// What is written now and then (figures of the host) is written once more.
await delay(65_000)
const before = writesOf(bench)
await delay(seconds * 1000)
const { sum, each, events, leases } = between(before, writesOf(bench))
print(`steady.api_writes.${names.length}_servers.${seconds}s`, sum, `writes (${each || 'none'})`)
print('steady.events', events, 'writes')
print('steady.leases', leases / (seconds / 60), 'writes a minute')
