/** Controllers: the buses that the other devices need, and on PCI Express free slots for what is plugged in later. */
import type { DomainInput } from '../input.ts'
import { isPcie } from '../os.ts'
import { type Element, el } from '../xml.ts'
import { drives } from './disk.ts'
import { inputBusOf } from './graphics.ts'

/** Root ports left free: libvirt makes one for each device of the definition, and none for later ones. */
const FREE_PORTS = 8

/** `pciDevices`: how many devices of the definition take a port. */
export function controllerElements(input: DomainInput, pciDevices: number): Element[] {
  const list = drives(input)
  const scsi = list.some((d) => d.bus === 'scsi')
  const usb = list.some((d) => d.bus === 'usb') || inputBusOf(input) === 'usb'
  return [
    ...(isPcie(input) ? rootPorts(pciDevices + Number(scsi) + Number(usb) + FREE_PORTS) : []),
    // Without a word of it libvirt adds one for nothing.
    el('controller', { type: 'usb', model: usb ? 'qemu-xhci' : 'none' }),
    ...(scsi ? [el('controller', { type: 'scsi', index: 0, model: 'virtio-scsi' })] : []),
  ]
}

function rootPorts(count: number): Element[] {
  const port = () => el('controller', { type: 'pci', model: 'pcie-root-port' })
  return [el('controller', { type: 'pci', index: 0, model: 'pcie-root' }), ...Array.from({ length: count }, port)]
}
