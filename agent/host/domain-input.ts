import type { Guest } from '../../actions/host/index.ts'
import { domainNameOf } from '../../crds/index.ts'
import type { DomainInput, HostFacts } from '../domain/input.ts'
import { hostnameOf } from '../image/metadata.ts'
import type { RescueDisk } from '../image/rescue-disk.ts'
import { toPluggedInterface } from '../net/names.ts'
import type { HostedGuest } from '../net/types.ts'
import type { LocatedDisks } from './located-disks.ts'
import type { ServerPaths } from './paths.ts'

export function toHostedGuest(guest: Guest): HostedGuest {
  return { id: guest.server.metadata.uid ?? '', hostname: hostnameOf(guest), interfaces: guest.instance.interfaces }
}

export interface DomainResources {
  host: HostFacts
  paths: ServerPaths
  disks: LocatedDisks
  /** If present, the domain boots from this disk, with the hardware that the rescue image asks for. */
  rescueDisk?: RescueDisk
  /** The name that the domain has now. Undefined if the domain is new; the agent then chooses a name. */
  domainName?: string
}

/** A rescue system has its own file of UEFI variables. */
const bootPathsOf = (
  { nvram, rescueNvram }: ServerPaths,
  rescueDisk: RescueDisk | undefined,
  { rescue = rescueDisk?.disk }: LocatedDisks,
) => (rescueDisk && rescue ? { rescueDisk: rescue, nvram: rescueNvram } : { nvram })

export function toDomainInput(
  { server, instance }: Guest,
  bootId: string,
  { host, paths, disks: { disks, ...located }, rescueDisk, domainName }: DomainResources,
): DomainInput {
  const { name, namespace = '', uid = '', generation, creationTimestamp } = server.metadata
  const { displayName, description, configDrive } = server.spec
  return {
    guest: {
      name: domainName ?? domainNameOf({ name, uid }),
      title: displayName ?? name,
      ...(description === undefined ? {} : { description }),
      owner: { namespace, name, uid, bootId, ...(generation === undefined ? {} : { generation }) },
      ...(creationTimestamp === undefined ? {} : { createdAt: creationTimestamp }),
    },
    instance: rescueDisk ? { ...instance, image: rescueDisk.system.image } : instance,
    host,
    paths: {
      rootDisk: disks.root,
      ...(disks.ephemeral ? { ephemeral: disks.ephemeral } : {}),
      ...(disks.swap ? { swap: disks.swap } : {}),
      ...(configDrive ? { configDrive: paths.configDrive } : {}),
      consoleLog: paths.consoleLog,
      ...bootPathsOf(paths, rescueDisk, { disks, ...located }),
    },
    interfaces: instance.interfaces.map(toPluggedInterface),
    vncSocket: paths.vnc,
    attachedDisks: located.attached,
  }
}
