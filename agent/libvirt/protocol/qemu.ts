// The calls of libvirt's QEMU program: the guest agent.
import { flags, int, optionalOf, string, structOf } from '../wire/types.ts'
import { domain } from './common.ts'
import { nameEntries } from './named.ts'
import { qemuProcedure, slowCall } from './procedure.ts'

export const qemuProcedures = nameEntries({
  /**
   * One command for the guest agent, as JSON. `timeout` in seconds; -2 waits for ever, -1 libvirt's default, 0 not at
   * all.
   */
  qemuDomainAgentCommand: qemuProcedure(
    3,
    structOf({ dom: domain, cmd: string, timeout: int, flags }),
    structOf({ result: optionalOf(string) }),
    slowCall,
  ),
})
