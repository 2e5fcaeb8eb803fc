/** The <cpu> element of the domain XML: CPU model and topology. */
import { chooseCpuTopology, Terminal } from '../../crds/index.ts'
import type { DomainInput } from './input.ts'
import { type Element, xmlElement } from './render-xml.ts'

/**
 * Gives the guest the topology that flavor and image ask for, as Nova does. With KVM the guest gets the host's CPU
 * model; with emulation it gets QEMU's default model.
 * @throws a Terminal error (not retried) with the code InvalidCpuTopology if flavor and image contradict each other
 */
export function cpuElement({ host, instance: { flavor, image } }: DomainInput): Element {
  const { topology, problem } = chooseCpuTopology({ flavor, properties: image.properties })
  if (problem !== undefined) throw new Terminal('InvalidCpuTopology', problem)
  const { sockets, cores, threads } = topology
  const mode = host.domainType === 'kvm' ? 'host-model' : undefined
  return xmlElement('cpu', { mode }, xmlElement('topology', { sockets, cores, threads }))
}
