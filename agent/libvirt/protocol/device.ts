// Procedures that attach, detach and update a domain's devices, and tune its network interfaces.
import { flags, nothing, string, structOf } from '../wire/types.ts'
import { domain, typedParamsUpTo } from './common.ts'
import { nameEntries } from './named.ts'
import { remoteProcedure } from './procedure.ts'

const deviceArgs = structOf({ dom: domain, xml: string, flags })

export const deviceProcedures = nameEntries({
  domainAttachDeviceFlags: remoteProcedure(160, deviceArgs, nothing),
  /**
   * The call returns when QEMU has asked the guest to release the device. libvirt sends the event `deviceRemoved`
   * later, when the device is gone.
   */
  domainDetachDeviceFlags: remoteProcedure(161, deviceArgs, nothing),
  domainUpdateDeviceFlags: remoteProcedure(174, deviceArgs, nothing),

  domainSetInterfaceParameters: remoteProcedure(
    256,
    structOf({ dom: domain, device: string, params: typedParamsUpTo(16), flags }),
    nothing,
  ),
})
