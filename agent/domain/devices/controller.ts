/**
 * Controllers for the buses of the domain's devices and, on a machine with PCI Express, free root ports for devices
 * that are attached later.
 */
import type { DomainInput } from '../input.ts'
import { hasPcie } from '../os.ts'
import { type Element, xmlElement } from '../render-xml.ts'
import { attachedBusesOf, drivesOf } from './disk.ts'
import { inputBusOf } from './graphics.ts'

/** libvirt itself adds root ports only for the devices that a domain is defined with. */
const FREE_ROOT_PORTS = 8

/** @param pciDevices number of the domain's devices that take a root port; controllers are not counted */
export function controllerElements(input: DomainInput, pciDevices: number): Element[] {
  const buses = new Set<string>([...drivesOf(input).map(({ bus }) => bus), ...attachedBusesOf(input)])
  buses.add(inputBusOf(input))
  const needsScsi = buses.has('scsi')
  const needsUsb = buses.has('usb')
  return [
    ...(hasPcie(input) ? rootPortElements(pciDevices + Number(needsScsi) + Number(needsUsb) + FREE_ROOT_PORTS) : []),
    // libvirt adds a USB controller to a domain that has no <controller type='usb'>. The model `none` prevents that.
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
