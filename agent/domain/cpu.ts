/** The <cpu> element of the domain XML: CPU model and topology. */
import { chooseCpuTopology } from '../../crds/index.ts'
import type { DomainInput } from './input.ts'
import { type Element, xmlElement } from './render-xml.ts'

/**
 * Gives the guest the topology that flavor and image ask for, as Nova does. With KVM the guest gets the host's CPU
 * model; with emulation it gets QEMU's default model. The controller places no server whose flavor and image contradict
 * each other. A server that an older controller has placed nevertheless must still boot: as before, each of its virtual
 * CPUs then has a socket.
 */
export function cpuElement({ host, instance: { flavor, image } }: DomainInput): Element {
  const choice = chooseCpuTopology({ flavor, properties: image.properties })
  const { sockets, cores, threads } = choice.topology ?? { sockets: flavor.vcpus, cores: 1, threads: 1 }
  const mode = host.domainType === 'kvm' ? 'host-model' : undefined
  return xmlElement('cpu', { mode }, xmlElement('topology', { sockets, cores, threads }))
}
