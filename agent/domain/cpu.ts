/** The <cpu> element: model and topology. */
import type { DomainInput } from './input.ts'
import { type Element, xmlElement } from './render-xml.ts'

/**
 * One socket for each virtual CPU, as in Nova. With KVM the guest gets the host's model, with emulation QEMU's default
 * one.
 */
export function cpuElement({ host, instance }: DomainInput): Element {
  const mode = host.domainType === 'kvm' ? 'host-model' : undefined
  return xmlElement('cpu', { mode }, xmlElement('topology', { sockets: instance.flavor.vcpus, cores: 1, threads: 1 }))
}
