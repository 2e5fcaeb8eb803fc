/** The graphical console: VNC server, video card, and the pointer that a browser can steer. */
import type { DomainInput } from '../input.ts'
import { imageProperty, oneOf } from '../properties.ts'
import { type Element, el } from '../xml.ts'

const videoModels = ['vga', 'virtio', 'cirrus', 'qxl', 'none', 'bochs'] as const
const inputBuses = ['usb', 'virtio'] as const

export function graphicsElements(input: DomainInput): Element[] {
  return [...inputElements(input), vncElement(input), videoElement(input)]
}

function vncElement({ vncSocket }: DomainInput): Element {
  return el('graphics', { type: 'vnc' }, el('listen', { type: 'socket', socket: vncSocket }))
}

/** virtio falls back to plain VGA where the guest has no driver. */
function videoElement(input: DomainInput): Element {
  const type = oneOf('hw_video_model', imageProperty(input, 'hw_video_model') ?? 'virtio', videoModels)
  return el('video', {}, el('model', { type }))
}

export function inputBusOf(input: DomainInput): (typeof inputBuses)[number] {
  return oneOf('hw_input_bus', imageProperty(input, 'hw_input_bus') ?? 'usb', inputBuses)
}

/** A tablet has absolute coordinates. x86 has a PS/2 keyboard by itself; aarch64 has none. */
function inputElements(input: DomainInput): Element[] {
  const bus = inputBusOf(input)
  const tablet = el('input', { type: 'tablet', bus })
  const named = imageProperty(input, 'hw_input_bus') !== undefined
  return named || input.host.arch === 'aarch64' ? [tablet, el('input', { type: 'keyboard', bus })] : [tablet]
}
