import { chooseCpuTopology } from '../../crds/index.ts'
import type { DomainInput } from './input.ts'
import { type Element, xmlElement } from './render-xml.ts'

/**
 * If flavor and image contradict each other, each virtual CPU gets its own socket. The controller places no such
 * server, but an older version of the controller may have placed one. With emulation the guest gets QEMU's default CPU
 * model.
 */
export function cpuElement({ host, instance: { flavor, image } }: DomainInput): Element {
  const choice = chooseCpuTopology({ flavor, properties: image.properties })
  const { sockets, cores, threads } = choice.topology ?? { sockets: flavor.vcpus, cores: 1, threads: 1 }
  const mode = host.domainType === 'kvm' ? 'host-model' : undefined
  return xmlElement('cpu', { mode }, xmlElement('topology', { sockets, cores, threads }))
}
