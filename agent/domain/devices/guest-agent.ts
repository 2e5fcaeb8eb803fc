/** The channel of the QEMU guest agent, if the image says that it has one. libvirt chooses the socket. */
import type { DomainInput } from '../input.ts'
import { imageProperty, isYes } from '../properties.ts'
import { type Element, el } from '../xml.ts'

export function guestAgentElement(input: DomainInput): Element | undefined {
  if (!isYes(imageProperty(input, 'hw_qemu_guest_agent'))) return undefined
  return el('channel', { type: 'unix' }, el('target', { type: 'virtio', name: 'org.qemu.guest_agent.0' }))
}
