/** <os> and <sysinfo>: machine type, firmware, SMBIOS. */
import { Terminal } from '../../crds/index.ts'
import type { DomainInput } from './input.ts'
import { imageProperty, oneOf } from './properties.ts'
import { type Element, el } from './xml.ts'

/** The image's machine type, or else the host's. */
export function machineOf(input: DomainInput): string {
  return imageProperty(input, 'hw_machine_type') ?? input.host.machine
}

/** A PCI Express machine: its devices sit behind root ports, and it has no IDE. */
export function isPcie(input: DomainInput): boolean {
  const machine = machineOf(input)
  return input.host.arch === 'aarch64' ? machine.startsWith('virt') : machine.includes('q35')
}

/** aarch64 has no BIOS. Throws Terminal FirmwareUnavailable if the host has no such firmware. */
export function firmwareOf(input: DomainInput): 'bios' | 'uefi' {
  const fallback = input.host.arch === 'aarch64' ? 'uefi' : 'bios'
  const wanted = oneOf('hw_firmware_type', imageProperty(input, 'hw_firmware_type') ?? fallback, ['bios', 'uefi'])
  if (!input.host.firmware.includes(wanted)) {
    throw new Terminal(
      'FirmwareUnavailable',
      `hw_firmware_type is ${wanted}, but this host boots only with ${input.host.firmware.join(', ') || 'none'}`,
    )
  }
  return wanted
}

export function osElement(input: DomainInput): Element {
  const uefi = firmwareOf(input) === 'uefi'
  return el(
    'os',
    { firmware: uefi ? 'efi' : undefined },
    el('type', { arch: input.host.arch, machine: machineOf(input) }, 'hvm'),
    uefi ? withoutSecureBoot(input) : undefined,
    uefi ? el('nvram', {}, input.paths.nvram) : undefined,
    input.host.arch === 'x86_64' ? el('smbios', { mode: 'sysinfo' }) : undefined,
  )
}

/** libvirt chooses the files by these: until there is a property for Secure Boot, a guest must not be stopped by it. */
function withoutSecureBoot({ host }: DomainInput): Element | undefined {
  if (host.arch !== 'x86_64') return undefined
  const off = (name: string) => el('feature', { enabled: 'no', name })
  return el('firmware', {}, off('enrolled-keys'), off('secure-boot'))
}

/** cloud-init takes the product name for the sign that OpenStack's metadata is near (ds-identify). Nova: x86 only. */
export function sysinfoElement({ host, instance }: DomainInput): Element | undefined {
  if (host.arch !== 'x86_64') return undefined
  const entry = (name: string, value: string) => el('entry', { name }, value)
  return el(
    'sysinfo',
    { type: 'smbios' },
    el(
      'system',
      {},
      entry('manufacturer', 'Kubenova'),
      entry('product', 'OpenStack Nova'),
      entry('serial', instance.uuid),
      entry('uuid', instance.uuid),
      entry('family', 'Virtual Machine'),
    ),
  )
}
