import { flags, nothing, string, structOf } from '../wire/types.ts'
import { domain, typedParamsUpTo } from './common.ts'
import { nameEntries } from './named.ts'
import { remoteProcedure } from './procedure.ts'

const deviceArgs = structOf({ dom: domain, xml: string, flags })

export const deviceProcedures = nameEntries({
  domainAttachDeviceFlags: remoteProcedure(160, deviceArgs, nothing),
  /**
   * Returns when QEMU has asked the guest to release the device. The event `deviceRemoved` follows when the device is
   * gone.
   */
  domainDetachDeviceFlags: remoteProcedure(161, deviceArgs, nothing),
  domainUpdateDeviceFlags: remoteProcedure(174, deviceArgs, nothing),

  domainSetInterfaceParameters: remoteProcedure(
    256,
    structOf({ dom: domain, device: string, params: typedParamsUpTo(16), flags }),
    nothing,
  ),
})
