/**
 * What a host can do, out of virConnectGetCapabilities, virConnectGetDomainCapabilities (one for each machine type of
 * interest) and QEMU's own list of devices, in the fields of Hypervisor's status. What nothing reports stays undefined.
 */
import { type Hypervisor, Terminal } from '../../crds/index.ts'
import { memoryMiB } from './memory.ts'
import { all, at, readXml, textAt, type XmlNode } from './read.ts'

type Status = NonNullable<Hypervisor['status']>
export type HostCpu = NonNullable<Status['cpu']>
export type NumaCell = NonNullable<Status['numa']>[number]

export interface Capabilities {
  arch: string
  cpu: HostCpu
  numa: NumaCell[]
  /** By architecture of the guest. */
  guests: GuestCapabilities[]
}

export interface GuestCapabilities {
  arch: string
  emulator?: string
  /** kvm and qemu: that libvirt offers kvm does not prove that guests boot with it. */
  domainTypes: string[]
  machines: string[]
}

/** Throws Terminal InvalidXML. */
export function parseCapabilities(xml: string): Capabilities {
  const root = readXml(xml, 'capabilities')
  const host = at(root, 'host')
  const cells = all(at(host, 'topology', 'cells'), 'cell')
  const arch = textAt(host, 'cpu', 'arch')
  if (arch === undefined) throw new Terminal('InvalidXML', "capabilities: the host's architecture is missing")
  return {
    arch,
    cpu: cpuOf(at(host, 'cpu'), cells),
    numa: cells.map(cellOf),
    guests: all(root, 'guest')
      .filter((g) => textAt(g, 'os_type') === 'hvm')
      .map(guestOf),
  }
}

/** `features`: those that the host has besides those of the model. */
function cpuOf(cpu: XmlNode | undefined, cells: readonly XmlNode[]): HostCpu {
  const topology = at(cpu, 'topology')?.attributes
  const model = textAt(cpu, 'model')
  const vendor = textAt(cpu, 'vendor')
  // The topology's count is that of one NUMA cell: sockets are counted by their ids.
  const ids = new Set(cells.flatMap((c) => all(at(c, 'cpus'), 'cpu').map((p) => p.attributes['socket_id'])))
  return {
    ...(model !== undefined && { model }),
    ...(vendor !== undefined && { vendor }),
    ...(topology !== undefined && {
      sockets: Math.max(ids.size, 1),
      cores: Number(topology['cores']) * Number(topology['dies'] ?? 1) * Number(topology['clusters'] ?? 1),
      threads: Number(topology['threads']),
    }),
    features: all(cpu, 'feature')
      .map((f) => f.attributes['name'])
      .filter((n) => n !== undefined)
      .sort(),
  }
}

function cellOf(cell: XmlNode): NumaCell {
  const cpus = all(at(cell, 'cpus'), 'cpu').map((c) => Number(c.attributes['id']))
  return { id: Number(cell.attributes['id']), memory: memoryMiB(at(cell, 'memory')), cpus: cpuList(cpus) }
}

/** [0, 1, 2, 7] → "0-2,7" */
export function cpuList(ids: readonly number[]): string {
  const runs: [number, number][] = []
  for (const id of [...new Set(ids)].sort((a, b) => a - b)) {
    const last = runs.at(-1)
    if (last !== undefined && last[1] + 1 === id) last[1] = id
    else runs.push([id, id])
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',')
}

function guestOf(guest: XmlNode): GuestCapabilities {
  const arch = at(guest, 'arch')
  const emulator = textAt(arch, 'emulator')
  return {
    arch: arch?.attributes['name'] ?? '',
    ...(emulator !== undefined && { emulator }),
    domainTypes: all(arch, 'domain')
      .map((d) => d.attributes['type'] ?? '')
      .sort(),
    machines: all(arch, 'machine').map((m) => m.text.trim()),
  }
}

export interface DomainCapabilities {
  uefi: boolean
  diskBuses: string[]
}

/** Throws Terminal InvalidXML. */
export function parseDomainCapabilities(xml: string): DomainCapabilities {
  const root = readXml(xml, 'domain capabilities')
  return {
    uefi: enumValues(at(root, 'os'), 'firmware').includes('efi'),
    diskBuses: enumValues(at(root, 'devices', 'disk'), 'bus'),
  }
}

function enumValues(node: XmlNode | undefined, name: string): string[] {
  if (node?.attributes['supported'] !== 'yes') return []
  const found = all(node, 'enum').find((e) => e.attributes['name'] === name)
  return all(found, 'value').map((v) => v.text.trim())
}

/** libvirt's models by QEMU's names of their PCI devices. */
const VIF_MODELS: Record<string, string | undefined> = {
  'virtio-net-pci': 'virtio',
  'virtio-net-device': 'virtio',
  e1000: 'e1000',
  e1000e: 'e1000e',
  rtl8139: 'rtl8139',
  ne2k_pci: 'ne2k_pci',
  pcnet: 'pcnet',
}

/** Models of network interfaces out of `qemu-system-… -device help`: libvirt's domain capabilities do not tell them. */
export function vifModelsOf(deviceHelp: string): string[] {
  const names = [...deviceHelp.matchAll(/^name "([^"]+)"/gm)].map((m) => VIF_MODELS[m[1] ?? ''])
  return [...new Set(names.filter((n) => n !== undefined))].sort()
}

export type CapabilityFields = Pick<
  Status,
  'arch' | 'domainType' | 'cpu' | 'numa' | 'machineTypes' | 'firmware' | 'diskBuses' | 'vifModels'
>

/**
 * Fields of Hypervisor's status. `domains`: the domain capabilities of the machine types that servers get here, of the domain
 * type in use. `deviceHelp`: see vifModelsOf; without it vifModels stays undefined.
 */
export function capabilityFields(
  host: Capabilities,
  domains: readonly DomainCapabilities[],
  domainType: 'kvm' | 'qemu',
  deviceHelp?: string,
): CapabilityFields {
  const machines = host.guests.find((g) => g.arch === host.arch)?.machines ?? []
  const x86 = host.arch === 'x86_64' || host.arch === 'i686'
  return {
    arch: host.arch,
    domainType,
    cpu: host.cpu,
    numa: host.numa,
    // x- is QEMU's mark of what is experimental.
    machineTypes: machines.filter((m) => !/-\d+(\.\d+)+$/.test(m) && !m.startsWith('x-')).sort(),
    // QEMU for x86 has SeaBIOS built in, whether or not a firmware descriptor names it.
    firmware: [...(x86 ? (['bios'] as const) : []), ...(domains.some((d) => d.uefi) ? (['uefi'] as const) : [])],
    diskBuses: [...new Set(domains.flatMap((d) => d.diskBuses))].sort(),
    ...(deviceHelp !== undefined && { vifModels: vifModelsOf(deviceHelp) }),
  }
}
