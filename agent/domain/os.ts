import { Terminal } from '../../crds/index.ts'
import type { DomainInput } from './input.ts'
import { imageProperty, requireOneOf } from './properties.ts'
import { type Element, xmlElement } from './render-xml.ts'

export function machineTypeOf(input: DomainInput): string {
  return imageProperty(input, 'hw_machine_type') ?? input.host.machine
}

/** A machine with PCI Express has no IDE, and its devices need PCIe root ports. */
export function hasPcie(input: DomainInput): boolean {
  const machine = machineTypeOf(input)
  return input.host.arch === 'aarch64' ? machine.startsWith('virt') : machine.includes('q35')
}

/**
 * The image's hw_firmware_type, or UEFI on aarch64 and BIOS elsewhere.
 * @throws a Terminal error (not retried) with the code FirmwareUnavailable if the host does not have this firmware
 */
export function firmwareOf(input: DomainInput): 'bios' | 'uefi' {
  const fallback = input.host.arch === 'aarch64' ? 'uefi' : 'bios'
  const wanted = requireOneOf('hw_firmware_type', imageProperty(input, 'hw_firmware_type') ?? fallback, [
    'bios',
    'uefi',
  ])
  if (!input.host.firmware.includes(wanted)) {
    throw new Terminal(
      'FirmwareUnavailable',
      `hw_firmware_type is ${wanted}, but this host boots only with ${input.host.firmware.join(', ') || 'none'}`,
      { isHostFault: true },
    )
  }
  return wanted
}

export function osElement(input: DomainInput): Element {
  const uefi = firmwareOf(input) === 'uefi'
  return xmlElement(
    'os',
    { firmware: uefi ? 'efi' : undefined },
    xmlElement('type', { arch: input.host.arch, machine: machineTypeOf(input) }, 'hvm'),
    uefi ? secureBootOffElement(input) : undefined,
    uefi ? xmlElement('nvram', {}, input.paths.nvram) : undefined,
    input.host.arch === 'x86_64' ? xmlElement('smbios', { mode: 'sysinfo' }) : undefined,
  )
}

/**
 * libvirt chooses a firmware file that matches these features. Without them it may choose one that enforces Secure
 * Boot, and guests without a signature would not boot.
 */
function secureBootOffElement({ host }: DomainInput): Element | undefined {
  if (host.arch !== 'x86_64') return undefined
  const featureOff = (name: string) => xmlElement('feature', { enabled: 'no', name })
  return xmlElement('firmware', {}, featureOff('enrolled-keys'), featureOff('secure-boot'))
}

/**
 * The product name tells cloud-init's ds-identify to look for OpenStack's metadata. Like Nova, the agent sets SMBIOS
 * data on x86 only.
 */
export function sysinfoElement({ host, instance }: DomainInput): Element | undefined {
  if (host.arch !== 'x86_64') return undefined
  const entry = (name: string, value: string) => xmlElement('entry', { name }, value)
  return xmlElement(
    'sysinfo',
    { type: 'smbios' },
    xmlElement(
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
