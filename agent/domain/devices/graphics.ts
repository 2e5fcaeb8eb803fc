import type { DomainInput } from '../input.ts'
import { imageProperty, requireOneOf } from '../properties.ts'
import { type Element, xmlElement } from '../render-xml.ts'

const videoModels = ['vga', 'virtio', 'cirrus', 'qxl', 'none', 'bochs'] as const
const inputBuses = ['usb', 'virtio'] as const

export function graphicsElements(input: DomainInput): Element[] {
  return [...inputDeviceElements(input), vncElement(input), videoElement(input)]
}

function vncElement({ vncSocket }: DomainInput): Element {
  return xmlElement('graphics', { type: 'vnc' }, xmlElement('listen', { type: 'socket', socket: vncSocket }))
}

/** The default model, virtio, works as plain VGA in a guest that has no virtio driver. */
function videoElement(input: DomainInput): Element {
  const type = requireOneOf('hw_video_model', imageProperty(input, 'hw_video_model') ?? 'virtio', videoModels)
  return xmlElement('video', {}, xmlElement('model', { type }))
}

export function inputBusOf(input: DomainInput): (typeof inputBuses)[number] {
  return requireOneOf('hw_input_bus', imageProperty(input, 'hw_input_bus') ?? 'usb', inputBuses)
}

/**
 * The pointing device is a tablet, because the browser that shows the console sends absolute coordinates. QEMU gives an
 * x86 machine a PS/2 keyboard, but an aarch64 machine none, so an aarch64 guest gets a keyboard. A guest whose image
 * chooses the input bus gets a keyboard on that bus, too.
 */
function inputDeviceElements(input: DomainInput): Element[] {
  const bus = inputBusOf(input)
  const tablet = xmlElement('input', { type: 'tablet', bus })
  const isBusChosen = imageProperty(input, 'hw_input_bus') !== undefined
  return isBusChosen || input.host.arch === 'aarch64'
    ? [tablet, xmlElement('input', { type: 'keyboard', bus })]
    : [tablet]
}
