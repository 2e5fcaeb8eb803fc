import type { Ports } from '../../../actions/host/index.ts'
import { hasActiveDomain, type MachineOf } from './machine.ts'

export const fakePorts = (machineOf: MachineOf): Ports => ({
  async plug({ server }) {
    machineOf(server.metadata.uid).ports = true
  },
  async unplug({ server }) {
    const machine = machineOf(server.metadata.uid)
    if (hasActiveDomain(machine)) throw new Error('ports are taken from under a running guest')
    machine.ports = false
  },
})
