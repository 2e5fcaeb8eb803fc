import type { Hypervisor } from '../../crds/index.ts'
import { isHostUp } from '../state/compute-services.ts'
import { numericIdOf } from '../state/numeric-ids.ts'

export const hypervisorIdOf = (hypervisor: Hypervisor, version: number): string | number =>
  version >= 53 ? (hypervisor.metadata.uid ?? '') : numericIdOf(hypervisor)

export interface HostLoad {
  /** The number of servers. */
  servers: number
  /** The number of servers on which a task runs. */
  busy: number
}

export interface HypervisorViewOptions {
  version: number
  /** Servers of the host; undefined if the client did not ask for them. */
  servers?: readonly { name: string; uuid: string }[] | undefined
}

export function renderHypervisor(hypervisor: Hypervisor, { version, servers }: HypervisorViewOptions): object {
  return {
    id: hypervisorIdOf(hypervisor, version),
    hypervisor_hostname: hypervisor.metadata.name,
    state: isHostUp(hypervisor) ? 'up' : 'down',
    status: hypervisor.spec.disabled ? 'disabled' : 'enabled',
    ...renderServers(servers, version),
  }
}

const renderServers = (servers: HypervisorViewOptions['servers'], version: number): object =>
  servers === undefined || (servers.length === 0 && version < 75) ? {} : { servers }

export interface HypervisorDetailOptions extends HypervisorViewOptions {
  load: HostLoad
  now: Date
}

export function renderHypervisorDetail(hypervisor: Hypervisor, options: HypervisorDetailOptions): object {
  const { metadata, spec, status = {} } = hypervisor
  const { version, load, now } = options
  return {
    ...renderHypervisor(hypervisor, options),
    hypervisor_type: 'QEMU',
    hypervisor_version: versionNumberOf(status.qemuVersion),
    host_ip: status.hostIP ?? null,
    service: {
      id: hypervisorIdOf(hypervisor, version),
      host: metadata.name,
      disabled_reason: spec.disabledReason ?? null,
    },
    ...(version < 88
      ? { ...resourcesOf(hypervisor, load), cpu_info: renderCpuInfo(hypervisor, version) }
      : { uptime: uptimeOf(hypervisor, now) ?? null }),
  }
}

/** `8.2.2` as 8002002, as libvirt counts versions. */
function versionNumberOf(text = ''): number {
  const [major = 0, minor = 0, patch = 0] = text.split('.').map((part) => Number.parseInt(part, 10) || 0)
  return major * 1_000_000 + minor * 1000 + patch
}

/** As in Nova, capacity that is reserved for the host itself counts as used. */
export function resourcesOf(
  { spec, status = {} }: { spec: Pick<Hypervisor['spec'], 'reserved'>; status?: Hypervisor['status'] },
  { servers, busy }: HostLoad,
): Record<string, number> {
  const { capacity = { vcpus: 0, ram: 0, disk: 0 }, used = { vcpus: 0, ram: 0, disk: 0 } } = status
  const { vcpus: reservedVcpus = 0, ram: reservedRam = 512, disk: reservedDisk = 0 } = spec.reserved ?? {}
  const usedRam = used.ram + reservedRam
  const usedDisk = used.disk + reservedDisk
  return {
    vcpus: capacity.vcpus,
    memory_mb: capacity.ram,
    local_gb: capacity.disk,
    vcpus_used: used.vcpus + reservedVcpus,
    memory_mb_used: usedRam,
    local_gb_used: usedDisk,
    free_ram_mb: capacity.ram - usedRam,
    free_disk_gb: capacity.disk - usedDisk,
    current_workload: busy,
    running_vms: servers,
    disk_available_least: capacity.disk - usedDisk,
  }
}

/** Before 2.28 the CPU is JSON within a string. */
function renderCpuInfo({ status = {} }: Hypervisor, version: number): unknown {
  const { model = '', vendor = '', sockets = 1, cores = 1, threads = 1, features = [] } = status.cpu ?? {}
  const topology = { sockets, cores, threads }
  const info = { arch: status.arch ?? '', model, vendor, features: [...features], topology }
  return version >= 28 ? info : JSON.stringify(info)
}

/** How long the host runs, in the words of uptime(1); undefined if the host is down or has not told when it booted. */
export function uptimeOf(hypervisor: Hypervisor, now: Date): string | undefined {
  const bootedAt = hypervisor.status?.bootedAt
  if (bootedAt === undefined || !isHostUp(hypervisor)) return undefined
  const minutes = Math.max(0, Math.floor((now.getTime() - Date.parse(bootedAt)) / 60_000))
  const [days, hours, rest] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60), minutes % 60]
  const clock = now.toISOString().slice(11, 19)
  return ` ${clock} up ${days > 0 ? `${days} day${days === 1 ? '' : 's'}, ` : ''}${hours}:${String(rest).padStart(2, '0')}`
}
