/** The graphical console: VNC server, video card, and the pointer that a browser can steer. */
import { Terminal } from '../../../crds/index.ts'
import type { DomainInput, VncListen } from '../input.ts'
import { imageProperty, oneOf } from '../properties.ts'
import { type Element, el } from '../xml.ts'

const videoModels = ['vga', 'virtio', 'cirrus', 'qxl', 'none', 'bochs'] as const
const inputBuses = ['usb', 'virtio'] as const

export function graphicsElements(input: DomainInput): Element[] {
  return [...inputElements(input), vncElement(input.vnc), videoElement(input)]
}

function vncElement(listen: VncListen): Element {
  if ('socket' in listen)
    return el('graphics', { type: 'vnc' }, el('listen', { type: 'socket', socket: listen.socket }))
  // RFB's password has eight bytes; QEMU would silently take the first eight of a longer one.
  if (!/^[\x21-\x7e]{8}$/.test(listen.password)) {
    throw new Terminal('InvalidVNCPassword', 'a VNC password has 8 printable ASCII characters')
  }
  return el(
    'graphics',
    { type: 'vnc', port: -1, autoport: 'yes', passwd: listen.password },
    el('listen', { type: 'address', address: listen.address }),
  )
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
