/** <cpu>: model and topology. A socket for each virtual CPU, as Nova has it. */
import { Terminal } from '../../crds/index.ts'
import type { DomainInput, HostFacts } from './input.ts'
import { type Element, el } from './xml.ts'

/** Throws Terminal CPUModelMissing for custom without a model. */
export function cpuElement({ host, instance }: DomainInput): Element {
  const topology = el('topology', { sockets: instance.flavor.vcpus, cores: 1, threads: 1 })
  return el(
    'cpu',
    cpuAttributes(host),
    host.cpuMode === 'custom' ? el('model', {}, modelOf(host)) : undefined,
    topology,
  )
}

function cpuAttributes({ cpuMode }: HostFacts): Record<string, string> {
  switch (cpuMode) {
    case 'none':
      return {}
    case 'custom':
      return { mode: 'custom', match: 'exact' }
    case 'host-passthrough':
      // Features that QEMU cannot migrate are left out.
      return { mode: 'host-passthrough', migratable: 'on' }
    case 'host-model':
      return { mode: 'host-model' }
  }
}

function modelOf(host: HostFacts): string {
  if (host.cpuModel) return host.cpuModel
  throw new Terminal('CPUModelMissing', 'cpu mode custom needs a cpu model: give the agent one')
}
