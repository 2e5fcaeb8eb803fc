/** Collects facts about this host from libvirt, QEMU and the kernel at each connection to libvirtd. */
import { execFile } from 'node:child_process'
import { readFile, statfs } from 'node:fs/promises'
import { hostname, networkInterfaces } from 'node:os'
import { promisify } from 'node:util'
import { type Hypervisor, type Resources, Terminal } from '../../crds/index.ts'
import type { Log } from '../../kube/log.ts'
import {
  capabilityStatusOf,
  type DomainCapabilities,
  type HostCapabilities,
  parseDomainCapabilities,
  parseHostCapabilities,
} from '../domain/capabilities.ts'
import type { HostFacts } from '../domain/input.ts'
import { GIB, MIB } from '../files/sizes.ts'
import { type CallFunction, proc } from '../libvirt/index.ts'
import { errorFromLibvirt } from './errors.ts'
import { cachedProbeResult, type ProbeVerdict, probeKvm } from './probe-kvm.ts'

export interface FactsOptions {
  domainType: 'auto' | 'kvm' | 'qemu'
  /** The size of this directory's file system is the host's disk capacity. */
  dataDir: string
  hostIP: string
  agentVersion: string
  log: Log
}

export interface Facts {
  /** The Hypervisor's status without conditions. */
  status: NonNullable<Hypervisor['status']>
  /** The facts that domains are built from. */
  build: HostFacts
  /** Why guests of this host are emulated; undefined if they run with KVM. */
  emulatedBecause?: string | undefined
}

export async function readHostFacts(call: CallFunction, options: FactsOptions): Promise<Facts> {
  try {
    return await queryHostFacts(call, options)
  } catch (error) {
    throw errorFromLibvirt(error, 'learn what the host can do')
  }
}

async function queryHostFacts(call: CallFunction, options: FactsOptions): Promise<Facts> {
  const { capabilities } = await call(proc.connectGetCapabilities, {})
  const host = parseHostCapabilities(capabilities)
  const { arch } = host
  const emulator = host.guests.find((guest) => guest.arch === arch)?.emulator
  if (emulator === undefined) {
    const message = `libvirt finds no QEMU for ${arch} on this host: install QEMU for ${arch}, then restart libvirtd`
    throw new Terminal('EmulatorMissing', message, { isHostFault: true })
  }
  const { domainType, emulatedBecause } = await chooseDomainType(call, host, options)
  const types = arch === 'x86_64' ? (['q35', 'pc'] as const) : (['virt'] as const)
  const machines = await Promise.all(
    types.map((machine) => queryDomainCapabilities(call, { emulator, arch, machine, virtType: domainType })),
  )
  const fields = capabilityStatusOf(host, machines, domainType, await listQemuDevices(emulator))
  const { hostIP, agentVersion } = options
  return {
    status: {
      ...fields,
      hostIP,
      agentVersion,
      ...(await readVersionsAndBootTime(call)),
      capacity: await readCapacity(call, options),
    },
    build: {
      domainType,
      arch: arch === 'aarch64' ? 'aarch64' : 'x86_64',
      emulator,
      machine: types[0],
      firmware: fields.firmware ?? [],
    },
    emulatedBecause,
  }
}

/**
 * For `auto`: kvm if a probe shows that guests run with it; otherwise qemu (emulation), and why.
 * @throws Terminal KvmMissing if the operator chose kvm and libvirtd does not offer it
 */
async function chooseDomainType(
  call: CallFunction,
  { arch, guests }: HostCapabilities,
  options: FactsOptions,
): Promise<{ domainType: 'kvm' | 'qemu'; emulatedBecause?: string }> {
  if (options.domainType === 'qemu') return { domainType: 'qemu', emulatedBecause: 'the option domainType is qemu' }
  const isOffered = guests.find((guest) => guest.arch === arch)?.domainTypes.includes('kvm') ?? false
  if (!isOffered) return withoutKvm(options.domainType)
  if (options.domainType === 'kvm') return { domainType: 'kvm' }
  const { version: qemu } = await call(proc.connectGetVersion, {})
  const verdict = await cachedProbeResult(options.dataDir, String(qemu), () =>
    probeKvm(call, { arch, dataDir: options.dataDir, log: options.log }),
  )
  return verdict === 'works' ? { domainType: 'kvm' } : { domainType: 'qemu', emulatedBecause: failedProbes[verdict] }
}

const failedProbes: Record<Exclude<ProbeVerdict, 'works'>, string> = {
  useless:
    'a test guest did not run with KVM: check nested virtualization, then delete probe/kvm.json in the state directory and restart the agent',
  refused: 'libvirt offers KVM, but QEMU starts no guest with it: the log of the agent has QEMU’s message',
}

/** Chooses emulation when libvirt offers no KVM, or throws if the operator demands KVM. */
function withoutKvm(domainType: 'auto' | 'kvm'): { domainType: 'qemu'; emulatedBecause: string } {
  const why =
    'libvirt offers no KVM: load the module kvm_intel or kvm_amd, let QEMU open /dev/kvm, and restart libvirtd'
  if (domainType === 'auto') return { domainType: 'qemu', emulatedBecause: why }
  const message = `the option domainType is kvm, but ${why}; or allow emulation with domainType auto`
  throw new Terminal('KvmMissing', message, { isHostFault: true })
}

interface DomainCapabilitiesQuery {
  emulator: string
  arch: string
  machine: string
  virtType: string
}

async function queryDomainCapabilities(
  call: CallFunction,
  { emulator, ...rest }: DomainCapabilitiesQuery,
): Promise<DomainCapabilities> {
  const { capabilities } = await call(proc.connectGetDomainCapabilities, {
    emulator,
    ...rest,
    flags: 0,
  })
  return parseDomainCapabilities(capabilities)
}

async function readVersionsAndBootTime(call: CallFunction) {
  const [libvirt, qemu] = await Promise.all([call(proc.connectGetLibVersion, {}), call(proc.connectGetVersion, {})])
  return {
    libvirtVersion: formatVersion(libvirt.version),
    qemuVersion: formatVersion(qemu.version),
    bootedAt: await readBootTime(),
  }
}

async function readCapacity(call: CallFunction, { dataDir }: FactsOptions): Promise<Resources> {
  const [node, ram, disk] = await Promise.all([call(proc.nodeGetInfo, {}), readMemoryMiB(call), statfs(dataDir)])
  return { vcpus: node.cpus, ram, disk: Math.floor((disk.blocks * disk.bsize) / GIB) }
}

/**
 * nodeGetInfo counts only the NUMA nodes that libvirtd sees, so nodeGetMemoryStats is asked for the memory of the whole
 * host.
 */
async function readMemoryMiB(call: CallFunction): Promise<number> {
  // -1 (VIR_NODE_MEMORY_STATS_ALL_CELLS) means all NUMA nodes. The first call returns the number of values, the second
  // call the values.
  const all = { cell: -1, flags: 0 }
  const { nparams } = await call(proc.nodeGetMemoryStats, { ...all, nparams: 0 })
  const { params } = await call(proc.nodeGetMemoryStats, { ...all, nparams })
  const total = params.find(({ field }) => field === 'total')?.value ?? 0
  return Math.floor(Number(total) / 1024)
}

/** 9000000 gives 9.0.0. */
export function formatVersion(number: bigint | number): string {
  const n = Number(number)
  return [Math.floor(n / 1_000_000), Math.floor(n / 1000) % 1000, n % 1000].join('.')
}

/** Every QEMU that libvirt can use has this network card. */
const VIRTIO_ONLY = 'name "virtio-net-pci"'

/**
 * In a Pod the agent does not see the host's QEMU. It then lists only virtio's network card, so Servers that need
 * another card are not placed on this host.
 */
export async function listQemuDevices(emulator: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(emulator, ['-device', 'help'], { timeout: 10_000, maxBuffer: 4 * MIB })
    return stdout
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return VIRTIO_ONLY
  }
}

async function readBootTime(): Promise<string> {
  const seconds = /^btime (\d+)$/m.exec(await readFile('/proc/stat', 'utf8'))?.[1]
  return new Date(Number(seconds ?? 0) * 1000).toISOString().replace(/\.\d+Z$/, 'Z')
}

export const defaultHostName = (): string => hostname().toLowerCase()

/** Other hosts can probably reach this host at the first IPv4 address that is not loopback. */
export function firstExternalAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return all.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '127.0.0.1'
}
