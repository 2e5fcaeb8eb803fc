/**
 * Collects the capabilities for a Hypervisor's status from libvirt and QEMU. A status field that no source reports
 * stays undefined.
 */
import { type Hypervisor, Terminal } from '../../crds/index.ts'
import { parseMemoryMiB } from './memory.ts'
import { childAt, childrenNamed, parseXml, textAt, type XmlNode } from './parse-xml.ts'

type Status = NonNullable<Hypervisor['status']>
export type HostCpu = NonNullable<Status['cpu']>
export type NumaCell = NonNullable<Status['numa']>[number]

export interface HostCapabilities {
  arch: string
  cpu: HostCpu
  numa: NumaCell[]
  /** One entry for each architecture that this host can run. */
  guests: GuestCapabilities[]
}

export interface GuestCapabilities {
  arch: string
  emulator?: string
  /**
   * The domain types that libvirt offers: `kvm`, `qemu` or both. Even if libvirt offers kvm, guests may fail to boot
   * with it: see agent/host/probe-kvm.ts.
   */
  domainTypes: string[]
  machines: string[]
}

/**
 * Parses the document of virConnectGetCapabilities.
 * @throws a Terminal error (not retried) with the code InvalidXML if the XML is malformed or lacks the host's
 * architecture
 */
export function parseHostCapabilities(xml: string): HostCapabilities {
  const root = parseXml(xml, 'capabilities')
  const host = childAt(root, 'host')
  const cells = childrenNamed(childAt(host, 'topology', 'cells'), 'cell')
  const arch = textAt(host, 'cpu', 'arch')
  if (arch === undefined) throw new Terminal('InvalidXML', "capabilities: the host's architecture is missing")
  return {
    arch,
    cpu: cpuOf(childAt(host, 'cpu'), cells),
    numa: cells.map(numaCellOf),
    guests: childrenNamed(root, 'guest')
      .filter((guest) => textAt(guest, 'os_type') === 'hvm')
      .map(guestCapabilitiesOf),
  }
}

/** `features` gets only those features that the CPU's model does not include. */
function cpuOf(cpu: XmlNode | undefined, cells: readonly XmlNode[]): HostCpu {
  const topology = childAt(cpu, 'topology')?.attributes
  const model = textAt(cpu, 'model')
  const vendor = textAt(cpu, 'vendor')
  // libvirt's <topology> counts only the sockets of one NUMA node, so the sockets of all nodes (<cell>) are counted
  // here.
  const socketIds = new Set(
    cells.flatMap((cell) => childrenNamed(childAt(cell, 'cpus'), 'cpu').map((core) => core.attributes['socket_id'])),
  )
  return {
    ...(model !== undefined && { model }),
    ...(vendor !== undefined && { vendor }),
    ...(topology !== undefined && {
      sockets: Math.max(socketIds.size, 1),
      cores: Number(topology['cores']) * Number(topology['dies'] ?? 1) * Number(topology['clusters'] ?? 1),
      threads: Number(topology['threads']),
    }),
    features: childrenNamed(cpu, 'feature')
      .map((feature) => feature.attributes['name'])
      .filter((name) => name !== undefined)
      .sort(),
  }
}

function numaCellOf(cell: XmlNode): NumaCell {
  const cpus = childrenNamed(childAt(cell, 'cpus'), 'cpu').map((cpu) => Number(cpu.attributes['id']))
  return {
    id: Number(cell.attributes['id']),
    memory: parseMemoryMiB(childAt(cell, 'memory')),
    cpus: formatCpuList(cpus),
  }
}

/** Formats a list as Linux does: [0, 1, 2, 7] gives "0-2,7". */
export function formatCpuList(ids: readonly number[]): string {
  const ranges: [number, number][] = []
  for (const id of [...new Set(ids)].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] + 1 === id) last[1] = id
    else ranges.push([id, id])
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',')
}

function guestCapabilitiesOf(guest: XmlNode): GuestCapabilities {
  const arch = childAt(guest, 'arch')
  const emulator = textAt(arch, 'emulator')
  return {
    arch: arch?.attributes['name'] ?? '',
    ...(emulator !== undefined && { emulator }),
    domainTypes: childrenNamed(arch, 'domain')
      .map((domain) => domain.attributes['type'] ?? '')
      .sort(),
    machines: childrenNamed(arch, 'machine').map((machine) => machine.text.trim()),
  }
}

export interface DomainCapabilities {
  uefi: boolean
  diskBuses: string[]
}

/**
 * Parses the document of virConnectGetDomainCapabilities for one machine type.
 * @throws a Terminal error (not retried) with the code InvalidXML if the XML is malformed
 */
export function parseDomainCapabilities(xml: string): DomainCapabilities {
  const root = parseXml(xml, 'domain capabilities')
  return {
    uefi: enumValues(childAt(root, 'os'), 'firmware').includes('efi'),
    diskBuses: enumValues(childAt(root, 'devices', 'disk'), 'bus'),
  }
}

function enumValues(node: XmlNode | undefined, name: string): string[] {
  if (node?.attributes['supported'] !== 'yes') return []
  const wanted = childrenNamed(node, 'enum').find((element) => element.attributes['name'] === name)
  return childrenNamed(wanted, 'value').map((value) => value.text.trim())
}

const VIF_MODEL_OF_DEVICE: Record<string, string | undefined> = {
  'virtio-net-pci': 'virtio',
  'virtio-net-device': 'virtio',
  e1000: 'e1000',
  e1000e: 'e1000e',
  rtl8139: 'rtl8139',
  ne2k_pci: 'ne2k_pci',
  pcnet: 'pcnet',
}

/**
 * libvirt's domain capabilities do not list the models of network cards, so the models are read from QEMU's list of
 * devices.
 */
export function parseVifModels(deviceHelp: string): string[] {
  const models = [...deviceHelp.matchAll(/^name "([^"]+)"/gm)].map((match) => VIF_MODEL_OF_DEVICE[match[1] ?? ''])
  return [...new Set(models.filter((model) => model !== undefined))].sort()
}

export type CapabilityStatus = Pick<
  Status,
  'arch' | 'domainType' | 'cpu' | 'numa' | 'machineTypes' | 'firmware' | 'diskBuses' | 'vifModels'
>

/**
 * @param domains the capabilities of each machine type that servers get, for the domain type in use
 * @param deviceHelp QEMU's list of devices, for vifModels; if undefined, vifModels stays undefined
 */
export function capabilityStatusOf(
  host: HostCapabilities,
  domains: readonly DomainCapabilities[],
  domainType: 'kvm' | 'qemu',
  deviceHelp?: string,
): CapabilityStatus {
  const machines = host.guests.find((guest) => guest.arch === host.arch)?.machines ?? []
  const isX86 = host.arch === 'x86_64' || host.arch === 'i686'
  return {
    arch: host.arch,
    domainType,
    cpu: host.cpu,
    numa: host.numa,
    // Names of experimental machine types begin with x-.
    machineTypes: machines.filter((machine) => !/-\d+(\.\d+)+$/.test(machine) && !machine.startsWith('x-')).sort(),
    // QEMU for x86 always contains SeaBIOS.
    firmware: [
      ...(isX86 ? (['bios'] as const) : []),
      ...(domains.some((domain) => domain.uefi) ? (['uefi'] as const) : []),
    ],
    diskBuses: [...new Set(domains.flatMap((domain) => domain.diskBuses))].sort(),
    ...(deviceHelp !== undefined && { vifModels: parseVifModels(deviceHelp) }),
  }
}
