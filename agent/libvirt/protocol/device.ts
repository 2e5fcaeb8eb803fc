// A domain's devices: attach, detach, update, and tuning of network interfaces.
import { flags, nothing, string, struct } from '../wire/types.ts'
import { domain, typedParams } from './common.ts'
import { named, remote } from './procedure.ts'

const deviceXml = struct({ dom: domain, xml: string, flags })

export const deviceProcedures = named({
  domainAttachDeviceFlags: remote(160, deviceXml, nothing),
  /** Returns when the guest has been asked to release the device; the event `deviceRemoved` comes when it is gone. */
  domainDetachDeviceFlags: remote(161, deviceXml, nothing),
  domainUpdateDeviceFlags: remote(174, deviceXml, nothing),

  domainSetInterfaceParameters: remote(
    256,
    struct({ dom: domain, device: string, params: typedParams(16), flags }),
    nothing,
  ),
})
