/**
 * Benchmark of placement: 10,000 simulated hosts of three makes in three zones, 1,000 servers placed one after another, each claimed
 * before the next; beside it the same placement said plainly: every filter and weigher asked for every host. Prints lines of
 * `name value unit`. Usage: node test/bench/scheduler.ts [hosts] [servers]
 */

import { Ledger } from '../../controller/scheduler/claims.ts'
import { tableOf } from '../../controller/scheduler/host-table.ts'
import { aggregatesByHost, hostView } from '../../controller/scheduler/host-view.ts'
import { type Placement, place } from '../../controller/scheduler/place.ts'
import { demandOf, type PlacementRequest } from '../../controller/scheduler/request.ts'
import { placePlainly } from '../../controller/scheduler/testing/plain.ts'
import type { HostAggregate, Hypervisor } from '../../crds/index.ts'

const HOSTS = Number(process.argv[2] ?? 10_000)
const SERVERS = Number(process.argv[3] ?? 1000)

const makes = [
  { vcpus: 32, ram: 131_072, disk: 2000, qemu: '7.2.11' },
  { vcpus: 64, ram: 262_144, disk: 4000, qemu: '8.2.2' },
  { vcpus: 128, ram: 524_288, disk: 4000, qemu: '9.1.0' },
] as const
const zones = ['az1', 'az2', 'az3']

function hypervisor(i: number): Hypervisor {
  const make = makes[i % makes.length] ?? makes[0]
  return {
    apiVersion: 'compute.kubenova.io/v1alpha1',
    kind: 'Hypervisor',
    metadata: { name: `host-${String(i).padStart(5, '0')}` },
    spec: { disabled: i % 97 === 0, forcedDown: false },
    status: {
      state: i % 89 === 0 ? 'down' : 'up',
      arch: 'x86_64',
      domainType: 'kvm',
      capacity: { vcpus: make.vcpus, ram: make.ram, disk: make.disk },
      qemuVersion: make.qemu,
      machineTypes: ['pc', 'q35'],
      firmware: i % 5 === 0 ? ['bios'] : ['bios', 'uefi'],
      diskBuses: ['virtio', 'scsi', 'sata'],
      vifModels: ['virtio', 'e1000'],
    },
  }
}

function aggregate(name: string, hosts: string[], spec: Partial<HostAggregate['spec']>): HostAggregate {
  const metadata = { name }
  return { apiVersion: 'compute.kubenova.io/v1alpha1', kind: 'HostAggregate', metadata, spec: { hosts, ...spec } }
}

/** Every second server has wishes: a zone, UEFI on q35, an aggregate with fast disks. */
function request(i: number): PlacementRequest {
  const wishes = i % 2 === 0
  return {
    server: { namespace: 'bench', name: `s${i}`, uid: `uid-${i}` },
    flavor: {
      vcpus: 2 + (i % 3) * 2,
      ram: 4096 * (1 + (i % 4)),
      disk: 20 + (i % 5) * 10,
      ephemeral: 0,
      swap: 0,
      ...(wishes ? { extraSpecs: { 'aggregate_instance_extra_specs:ssd': '<or> true <or> nvme' } } : {}),
    },
    image: wishes
      ? {
          properties: {
            hw_firmware_type: 'uefi',
            hw_machine_type: 'q35',
            hw_disk_bus: 'virtio',
            hw_vif_model: 'virtio',
          },
        }
      : { properties: { hw_disk_bus: 'virtio' } },
    ...(wishes ? { availabilityZone: zones[i % 3] ?? 'az1' } : {}),
  }
}

const ledger = new Ledger()
const hypervisors = Array.from({ length: HOSTS }, (_, i) => hypervisor(i))
const names = hypervisors.map((h) => h.metadata.name)
const aggregates = aggregatesByHost([
  ...zones.map((zone, z) =>
    aggregate(
      zone,
      names.filter((_, i) => i % 3 === z),
      { availabilityZone: zone },
    ),
  ),
  aggregate(
    'ssd',
    names.filter((_, i) => i % 2 === 0),
    { metadata: { ssd: 'true' } },
  ),
])
const table = tableOf(
  hypervisors.map((h) => hostView(h, aggregates.get(h.metadata.name) ?? [], { used: ledger.usage(h.metadata.name) })),
)
ledger.onChange((name) => table.changed(name))

type Way = (asked: PlacementRequest) => Placement
const fast: Way = (asked) => place(asked, table)
const plain: Way = (asked) => placePlainly(asked, table.views)

function placeAndClaim(i: number, way: Way): number {
  const asked = request(i)
  const start = performance.now()
  const placement = way(asked)
  if (placement.none) throw new Error(placement.message)
  ledger.assume(asked.server, placement.host, demandOf(asked.flavor, asked.image), Infinity)
  return performance.now() - start
}

const impossible: PlacementRequest = { ...request(0), flavor: { ...request(0).flavor, ram: 1_000_000 } }
let next = 0
const run = (count: number, way: Way) =>
  Array.from({ length: count }, () => placeAndClaim(next++, way)).sort((a, b) => a - b)
run(Math.min(100, SERVERS), fast)
const cpuBefore = process.cpuUsage()
const times = run(SERVERS, fast)
const cpu = process.cpuUsage(cpuBefore)
const plainly = run(Math.ceil(SERVERS / 10), plain)
const failing = Array.from({ length: 50 }, () => {
  const start = performance.now()
  if (!fast(impossible).none) throw new Error('placed what cannot be')
  return performance.now() - start
}).sort((a, b) => a - b)

const at = (sorted: readonly number[], q: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
const rate = (all: readonly number[]) => (all.length / all.reduce((sum, t) => sum + t, 0)) * 1000
const line = (name: string, value: number, unit: string) =>
  process.stdout.write(`${name} ${value.toFixed(3)} ${unit}\n`)
line('scheduler.hosts', HOSTS, 'hosts')
line('scheduler.place.p50', at(times, 0.5), 'ms')
line('scheduler.place.p99', at(times, 0.99), 'ms')
// What the process itself used, its garbage collector's threads included: comparable on a busy machine too.
line('scheduler.place.cpu', (cpu.user + cpu.system) / 1000 / SERVERS, 'ms')
line('scheduler.rate', rate(times), 'servers/s')
line('scheduler.plain.place.p50', at(plainly, 0.5), 'ms')
line('scheduler.plain.rate', rate(plainly), 'servers/s')
line('scheduler.refuse.p50', at(failing, 0.5), 'ms')
