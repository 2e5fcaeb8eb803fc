/** The <cpu> element of the domain XML: CPU model and topology. */
import type { DomainInput } from './input.ts'
import { type Element, xmlElement } from './render-xml.ts'

/**
 * Gives each virtual CPU a socket of its own, as Nova does. With KVM the guest gets the host's CPU model; with
 * emulation it gets QEMU's default model.
 */
export function cpuElement({ host, instance }: DomainInput): Element {
  const mode = host.domainType === 'kvm' ? 'host-model' : undefined
  return xmlElement('cpu', { mode }, xmlElement('topology', { sockets: instance.flavor.vcpus, cores: 1, threads: 1 }))
}
