/** What this host is: asked of libvirt, QEMU and the kernel when the agent connects. */
import { execFile } from 'node:child_process'
import { readFile, statfs } from 'node:fs/promises'
import { hostname, networkInterfaces } from 'node:os'
import { promisify } from 'node:util'
import type { Hypervisor, Resources } from '../../crds/index.ts'
import type { Log } from '../../kube/log.ts'
import {
  capabilityStatusOf,
  type DomainCapabilities,
  type HostCapabilities,
  parseDomainCapabilities,
  parseHostCapabilities,
} from '../domain/capabilities.ts'
import type { HostFacts } from '../domain/input.ts'
import { type CallFunction, proc } from '../libvirt/index.ts'
import { fromLibvirt } from './errors.ts'
import { kvmWorks, remembered } from './probe-kvm.ts'

export interface FactsOptions {
  domainType: 'auto' | 'kvm' | 'qemu'
  /** Where disks are: its file system is the host's disk capacity. */
  dataDir: string
  hostIP: string
  agentVersion: string
  log: Log
}

export interface Facts {
  /** The agent's part of the Hypervisor's status, without conditions. */
  status: NonNullable<Hypervisor['status']>
  build: HostFacts
}

const MIB = 1024 ** 2
const GIB = 1024 ** 3

export async function learnFacts(call: CallFunction, options: FactsOptions): Promise<Facts> {
  try {
    return await learn(call, options)
  } catch (error) {
    throw fromLibvirt(error, 'learn what the host can do')
  }
}

async function learn(call: CallFunction, options: FactsOptions): Promise<Facts> {
  const { capabilities } = await call(proc.connectGetCapabilities, {})
  const host = parseHostCapabilities(capabilities)
  const { arch } = host
  const emulator = host.guests.find((guest) => guest.arch === arch)?.emulator
  const domainType = await domainTypeOf(call, host, options)
  const types = arch === 'x86_64' ? (['q35', 'pc'] as const) : (['virt'] as const)
  const machines = await Promise.all(
    types.map((machine) => ask(call, { emulator, arch, machine, virtType: domainType })),
  )
  const fields = capabilityStatusOf(host, machines, domainType, emulator && (await deviceHelp(emulator)))
  const { hostIP, agentVersion } = options
  return {
    status: { ...fields, hostIP, agentVersion, ...(await versionsOf(call)), capacity: await capacityOf(call, options) },
    build: {
      domainType,
      arch: arch === 'aarch64' ? 'aarch64' : 'x86_64',
      ...(emulator === undefined ? {} : { emulator }),
      machine: types[0],
      firmware: fields.firmware ?? [],
    },
  }
}

/** What the operator said, or KVM if it is offered and proves itself. */
async function domainTypeOf(
  call: CallFunction,
  { arch, guests }: HostCapabilities,
  options: FactsOptions,
): Promise<'kvm' | 'qemu'> {
  if (options.domainType !== 'auto') return options.domainType
  const offered = guests.find((guest) => guest.arch === arch)?.domainTypes.includes('kvm') ?? false
  if (!offered) return 'qemu'
  const { version: qemu } = await call(proc.connectGetVersion, {})
  const works = await remembered(options.dataDir, String(qemu), () =>
    kvmWorks(call, { arch, dataDir: options.dataDir, log: options.log }),
  )
  return works ? 'kvm' : 'qemu'
}

interface Asked {
  emulator: string | undefined
  arch: string
  machine: string
  virtType: string
}

async function ask(call: CallFunction, { emulator, ...rest }: Asked): Promise<DomainCapabilities> {
  const { capabilities } = await call(proc.connectGetDomainCapabilities, {
    emulator: emulator ?? null,
    ...rest,
    flags: 0,
  })
  return parseDomainCapabilities(capabilities)
}

async function versionsOf(call: CallFunction) {
  const [libvirt, qemu] = await Promise.all([call(proc.connectGetLibVersion, {}), call(proc.connectGetVersion, {})])
  return {
    libvirtVersion: version(libvirt.version),
    qemuVersion: version(qemu.version),
    bootedAt: await bootTime(),
  }
}

async function capacityOf(call: CallFunction, { dataDir }: FactsOptions): Promise<Resources> {
  const [node, ram, disk] = await Promise.all([call(proc.nodeGetInfo, {}), memoryMiB(call), statfs(dataDir)])
  return { vcpus: node.cpus, ram, disk: Math.floor((disk.blocks * disk.bsize) / GIB) }
}

/** All memory of the host. What nodeGetInfo says is of the NUMA cells that libvirt sees, which can be less. */
async function memoryMiB(call: CallFunction): Promise<number> {
  // VIR_NODE_MEMORY_STATS_ALL_CELLS; first how many there are, then these.
  const all = { cell: -1, flags: 0 }
  const { nparams } = await call(proc.nodeGetMemoryStats, { ...all, nparams: 0 })
  const { params } = await call(proc.nodeGetMemoryStats, { ...all, nparams })
  const total = params.find(({ field }) => field === 'total')?.value ?? 0
  return Math.floor(Number(total) / 1024)
}

/** libvirt's number, as 9000000 for 9.0.0. */
export function version(number: bigint | number): string {
  const n = Number(number)
  return [Math.floor(n / 1_000_000), Math.floor(n / 1000) % 1000, n % 1000].join('.')
}

async function deviceHelp(emulator: string): Promise<string> {
  const { stdout } = await promisify(execFile)(emulator, ['-device', 'help'], { timeout: 10_000, maxBuffer: 4 * MIB })
  return stdout
}

async function bootTime(): Promise<string> {
  const seconds = /^btime (\d+)$/m.exec(await readFile('/proc/stat', 'utf8'))?.[1]
  return new Date(Number(seconds ?? 0) * 1000).toISOString().replace(/\.\d+Z$/, 'Z')
}

export const defaultHostName = (): string => hostname().toLowerCase()

/** The address that other hosts most likely reach this one by. */
export function firstAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return all.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '127.0.0.1'
}
