// A domain's devices: attach, detach, update; network interfaces and their addresses.
import { array, flags, hyper, int, nothing, optional, string, struct, uint } from '../wire/types.ts'
import { domain, typedParams } from './common.ts'
import { named, remote } from './procedure.ts'

const deviceXml = struct({ dom: domain, xml: string, flags })

export const deviceProcedures = named({
  domainAttachDeviceFlags: remote(160, deviceXml, nothing),
  /** Returns when the guest has been asked; the event `deviceRemoved` says that it is gone. */
  domainDetachDeviceFlags: remote(161, deviceXml, nothing),
  domainUpdateDeviceFlags: remote(174, deviceXml, nothing),
  domainDetachDeviceAlias: remote(392, struct({ dom: domain, alias: string, flags }), nothing),

  domainInterfaceStats: remote(
    65,
    struct({ dom: domain, device: string }),
    struct({
      rxBytes: hyper,
      rxPackets: hyper,
      rxErrs: hyper,
      rxDrop: hyper,
      txBytes: hyper,
      txPackets: hyper,
      txErrs: hyper,
      txDrop: hyper,
    }),
  ),
  /** `source`: 0 DHCP leases, 1 guest agent, 2 ARP table. Address type: 0 IPv4, 1 IPv6. */
  domainInterfaceAddresses: remote(
    353,
    struct({ dom: domain, source: uint, flags }),
    struct({
      interfaces: array(
        struct({
          name: string,
          hwaddr: optional(string),
          addrs: array(struct({ type: int, addr: string, prefix: uint }), 2048),
        }),
        2048,
      ),
    }),
    { slow: true },
  ),
  domainSetInterfaceParameters: remote(
    256,
    struct({ dom: domain, device: string, params: typedParams(16), flags }),
    nothing,
  ),
})
