/**
 * Places 1,000 Servers, one after the other, on 10,000 hosts of three models in three zones, and claims their
 * resources. The figures scheduler.objects.* are for comparison: they come from code without HostTable (one array per
 * property, over all hosts). Prints lines `name value unit`.
 * Usage: node test/bench/scheduler.ts [hosts] [servers]
 */
import { toHostTable } from '../../controller/scheduler/host-table.ts'
import { aggregatesByHost, toHostView } from '../../controller/scheduler/host-view.ts'
import { Ledger } from '../../controller/scheduler/ledger.ts'
import { demandOf, type PlacementRequest } from '../../controller/scheduler/request.ts'
import { selectHost } from '../../controller/scheduler/select-host.ts'
import type { HostAggregate, Hypervisor } from '../../crds/index.ts'
import { selectFromObjects } from './lib/select-from-objects.ts'

const HOSTS = Number(process.argv[2] ?? 10_000)
const SERVERS = Number(process.argv[3] ?? 1000)

const models = [
  { vcpus: 32, ram: 131_072, disk: 2000, qemu: '7.2.11' },
  { vcpus: 64, ram: 262_144, disk: 4000, qemu: '8.2.2' },
  { vcpus: 128, ram: 524_288, disk: 4000, qemu: '9.1.0' },
] as const
const zones = ['az1', 'az2', 'az3']

function makeHypervisor(i: number): Hypervisor {
  const model = models[i % models.length] ?? models[0]
  return {
    apiVersion: 'compute.kubenova.io/v1alpha1',
    kind: 'Hypervisor',
    metadata: { name: `host-${String(i).padStart(5, '0')}` },
    spec: { disabled: i % 97 === 0, forcedDown: false },
    status: {
      state: i % 89 === 0 ? 'down' : 'up',
      arch: 'x86_64',
      domainType: 'kvm',
      capacity: { vcpus: model.vcpus, ram: model.ram, disk: model.disk },
      qemuVersion: model.qemu,
      machineTypes: ['pc', 'q35'],
      firmware: i % 5 === 0 ? ['bios'] : ['bios', 'uefi'],
      diskBuses: ['virtio', 'scsi', 'sata'],
      vifModels: ['virtio', 'e1000'],
    },
  }
}

function makeAggregate(name: string, hosts: string[], spec: Partial<HostAggregate['spec']>): HostAggregate {
  const metadata = { name }
  return { apiVersion: 'compute.kubenova.io/v1alpha1', kind: 'HostAggregate', metadata, spec: { hosts, ...spec } }
}

/** Every second request demands a zone, UEFI on q35, and an aggregate of hosts with fast disks. */
function makeRequest(i: number): PlacementRequest {
  const isDemanding = i % 2 === 0
  return {
    server: { namespace: 'bench', name: `s${i}`, uid: `uid-${i}` },
    flavor: {
      vcpus: 2 + (i % 3) * 2,
      ram: 4096 * (1 + (i % 4)),
      disk: 20 + (i % 5) * 10,
      ephemeral: 0,
      swap: 0,
      ...(isDemanding ? { extraSpecs: { 'aggregate_instance_extra_specs:ssd': '<or> true <or> nvme' } } : {}),
    },
    image: isDemanding
      ? {
          properties: {
            hw_firmware_type: 'uefi',
            hw_machine_type: 'q35',
            hw_disk_bus: 'virtio',
            hw_vif_model: 'virtio',
          },
        }
      : { properties: { hw_disk_bus: 'virtio' } },
    ...(isDemanding ? { availabilityZone: zones[i % 3] ?? 'az1' } : {}),
  }
}

const ledger = new Ledger()
const hypervisors = Array.from({ length: HOSTS }, (_, i) => makeHypervisor(i))
const names = hypervisors.map((h) => h.metadata.name)
const aggregates = aggregatesByHost([
  ...zones.map((zone, z) =>
    makeAggregate(
      zone,
      names.filter((_, i) => i % 3 === z),
      { availabilityZone: zone },
    ),
  ),
  makeAggregate(
    'ssd',
    names.filter((_, i) => i % 2 === 0),
    { metadata: { ssd: 'true' } },
  ),
])
const views = hypervisors.map((h) =>
  toHostView(h, aggregates.get(h.metadata.name) ?? [], ledger.usageOf(h.metadata.name)),
)
const table = toHostTable(views)
ledger.onChange((name) => table.markUsageChanged(name))

type Select = (request: PlacementRequest) => string | undefined
const fromTable: Select = (request) => {
  const placement = selectHost(request, table)
  return placement.placed ? placement.host : undefined
}
const fromObjects: Select = (request) => selectFromObjects(request, views)

/** Returns the time taken, in ms. */
function placeAndClaim(i: number, select: Select): number {
  const request = makeRequest(i)
  const start = performance.now()
  const host = select(request)
  if (host === undefined) throw new Error(`server ${i} fits on no host`)
  ledger.assume(request.server, host, demandOf(request.flavor, request.image), Infinity)
  return performance.now() - start
}

const impossible: PlacementRequest = { ...makeRequest(0), flavor: { ...makeRequest(0).flavor, ram: 1_000_000 } }
let nextServer = 0
const runPlacements = (count: number, select: Select) =>
  Array.from({ length: count }, () => placeAndClaim(nextServer++, select)).sort((a, b) => a - b)
runPlacements(Math.min(100, SERVERS), fromTable)
/** Times in ms, ascending; `cpu` is the mean CPU time of a placement in ms. */
function measure(count: number, select: Select): { times: number[]; cpu: number } {
  const before = process.cpuUsage()
  const times = runPlacements(count, select)
  const { user, system } = process.cpuUsage(before)
  return { times, cpu: (user + system) / 1000 / count }
}
const columns = measure(SERVERS, fromTable)
const objects = measure(Math.ceil(SERVERS / 2), fromObjects)
const rejectionTimes = Array.from({ length: 50 }, () => {
  const start = performance.now()
  if (fromTable(impossible) !== undefined) throw new Error('an impossible request was placed')
  return performance.now() - start
}).sort((a, b) => a - b)

const quantile = (sorted: readonly number[], q: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
const rate = (all: readonly number[]) => (all.length / all.reduce((sum, t) => sum + t, 0)) * 1000
const printLine = (name: string, value: number, unit: string) =>
  process.stdout.write(`${name} ${value.toFixed(3)} ${unit}\n`)
printLine('scheduler.hosts', HOSTS, 'hosts')
printLine('scheduler.place.p50', quantile(columns.times, 0.5), 'ms')
printLine('scheduler.place.p99', quantile(columns.times, 0.99), 'ms')
// CPU time leaves out the time in which a thread waits for a CPU, so results from a busy machine are comparable. It
// includes V8's garbage collector threads.
printLine('scheduler.place.cpu', columns.cpu, 'ms')
printLine('scheduler.rate', rate(columns.times), 'servers/s')
printLine('scheduler.objects.place.p50', quantile(objects.times, 0.5), 'ms')
printLine('scheduler.objects.place.cpu', objects.cpu, 'ms')
printLine('scheduler.objects.rate', rate(objects.times), 'servers/s')
printLine('scheduler.reject.p50', quantile(rejectionTimes, 0.5), 'ms')
