import { flags, int, optionalOf, string, structOf } from '../wire/types.ts'
import { domain } from './common.ts'
import { nameEntries } from './named.ts'
import { qemuProcedure, slowCall } from './procedure.ts'

export const qemuProcedures = nameEntries({
  /** `timeout` is in seconds; -2 means no limit, -1 libvirt's default, 0 no wait. */
  qemuDomainAgentCommand: qemuProcedure(
    3,
    structOf({ dom: domain, cmd: string, timeout: int, flags }),
    structOf({ result: optionalOf(string) }),
    slowCall,
  ),
})
