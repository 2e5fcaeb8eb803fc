/** The channel to the QEMU guest agent. libvirt chooses the path of the socket on the host. */
import type { DomainInput } from '../input.ts'
import { imageProperty, isYes } from '../properties.ts'
import { type Element, xmlElement } from '../render-xml.ts'

export function guestAgentElement(input: DomainInput): Element | undefined {
  if (!isYes(imageProperty(input, 'hw_qemu_guest_agent'))) return undefined
  return xmlElement(
    'channel',
    { type: 'unix' },
    xmlElement('target', { type: 'virtio', name: 'org.qemu.guest_agent.0' }),
  )
}
