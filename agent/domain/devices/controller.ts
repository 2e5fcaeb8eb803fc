/**
 * Controllers for the buses that the other devices need and, on PCI Express, free root ports for devices that are
 * attached later.
 */
import type { DomainInput } from '../input.ts'
import { hasPcie } from '../os.ts'
import { type Element, xmlElement } from '../render-xml.ts'
import { drivesOf } from './disk.ts'
import { inputBusOf } from './graphics.ts'

/** Free root ports: libvirt adds one for each device of the definition, but none for devices attached later. */
const FREE_ROOT_PORTS = 8

/** @param pciDevices how many devices of the definition take a root port */
export function controllerElements(input: DomainInput, pciDevices: number): Element[] {
  const buses = new Set<string>(drivesOf(input).map(({ bus }) => bus)).add(inputBusOf(input))
  const needsScsi = buses.has('scsi')
  const needsUsb = buses.has('usb')
  return [
    ...(hasPcie(input) ? rootPortElements(pciDevices + Number(needsScsi) + Number(needsUsb) + FREE_ROOT_PORTS) : []),
    // Without this element libvirt adds a USB controller that no device uses.
    xmlElement('controller', { type: 'usb', model: needsUsb ? 'qemu-xhci' : 'none' }),
    ...(needsScsi ? [xmlElement('controller', { type: 'scsi', index: 0, model: 'virtio-scsi' })] : []),
  ]
}

function rootPortElements(count: number): Element[] {
  const port = () => xmlElement('controller', { type: 'pci', model: 'pcie-root-port' })
  return [
    xmlElement('controller', { type: 'pci', index: 0, model: 'pcie-root' }),
    ...Array.from({ length: count }, port),
  ]
}
