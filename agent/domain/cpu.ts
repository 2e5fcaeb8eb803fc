/** The <cpu> element of the domain XML: CPU model and topology. */
import { chooseCpuTopology } from '../../crds/index.ts'
import type { DomainInput } from './input.ts'
import { type Element, xmlElement } from './render-xml.ts'

/**
 * Gives the guest the topology that flavor and image ask for, as Nova does. If flavor and image contradict each other,
 * each virtual CPU gets its own socket. The controller places no such server, but an older controller may have placed
 * one, and that server must still boot. With KVM the guest gets the host's CPU model; with emulation it gets QEMU's
 * default model.
 */
export function cpuElement({ host, instance: { flavor, image } }: DomainInput): Element {
  const choice = chooseCpuTopology({ flavor, properties: image.properties })
  const { sockets, cores, threads } = choice.topology ?? { sockets: flavor.vcpus, cores: 1, threads: 1 }
  const mode = host.domainType === 'kvm' ? 'host-model' : undefined
  return xmlElement('cpu', { mode }, xmlElement('topology', { sockets, cores, threads }))
}
