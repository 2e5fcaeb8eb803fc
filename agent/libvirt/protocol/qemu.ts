// The calls of libvirt's QEMU program: the guest agent.
import { flags, int, optional, string, struct } from '../wire/types.ts'
import { domain } from './common.ts'
import { named, qemu } from './procedure.ts'

export const qemuProcedures = named({
  /**
   * One command for the guest agent, as JSON. `timeout` in seconds; -2 waits for ever, -1 libvirt's default, 0 not at
   * all.
   */
  qemuDomainAgentCommand: qemu(
    3,
    struct({ dom: domain, cmd: string, timeout: int, flags }),
    struct({ result: optional(string) }),
    { slow: true },
  ),
})
