import type { KeyObject } from 'node:crypto'
import { domainNameOf, type HostSecret } from '../../crds/index.ts'
import type { Resource } from '../../kube/resource.ts'
import type { HostFacts } from '../domain/input.ts'
import { pathExists } from '../files/errors.ts'
import type { HostNetwork } from '../net/host-network.ts'
import type { LocalHost } from '../server/deps.ts'
import { newConfigDrives } from './config-drives.ts'
import { newDisks } from './disks.ts'
import type { DomainClient } from './domain-client.ts'
import { newDomains } from './domains.ts'
import { newGuestAgent } from './guest-agent.ts'
import { newImages } from './images.ts'
import type { Jobs } from './jobs.ts'
import { type PathsOf, serverPathsOf, uidOf } from './paths.ts'
import { newPorts } from './ports.ts'
import { newRescueDisks } from './rescue-disks.ts'
import type { HostStorage } from './storage.ts'

export interface LibvirtHostOptions {
  dataDir: string
  runDir: string
  diskDirs: readonly string[]
  client: DomainClient
  storage: Pick<HostStorage, 'cache' | 'hasSpace' | 'root'>
  network: Pick<HostNetwork, 'plug' | 'unplug'>
  /** Disposal of the LocalHost aborts the jobs. */
  jobs: Jobs
  /** The host's private key, with which secrets from the controller are decrypted. */
  sealingKey(): Promise<KeyObject>
  /** HostSecrets hold user data that the controller has encrypted for this host. */
  hostSecrets: Pick<Resource<HostSecret>, 'get'>
  /** Throws until libvirtd has described the host. */
  facts(): HostFacts
}

export function newLibvirtHost(options: LibvirtHostOptions): LocalHost {
  const { dataDir, runDir, diskDirs, client, storage, network, jobs, facts, sealingKey, hostSecrets } = options
  const pathsOf: PathsOf = (guest) => serverPathsOf(dataDir, runDir, uidOf(guest))
  return {
    images: newImages({ cache: storage.cache, sealingKey }, jobs),
    disks: newDisks({ ...storage, sealingKey, jobs, pathsOf }),
    rescueDisks: newRescueDisks({ ...storage, sealingKey, jobs, pathsOf }),
    configDrives: newConfigDrives(pathsOf, { hostSecrets, sealingKey }),
    ports: newPorts(network),
    domains: newDomains({ client, jobs, pathsOf, facts, diskDirs }),
    guestAgent: newGuestAgent({ client, sealingKey }),
    isBegun: (guest) => pathExists(pathsOf(guest).dir),
    runtimeInfo(guest) {
      const { consoleLog, vnc } = pathsOf(guest)
      const domain = domainNameOf({ name: guest.server.metadata.name, uid: uidOf(guest) })
      return { domain, consoleLog, vnc: `unix:${vnc}` }
    },
    [Symbol.asyncDispose]: () => jobs[Symbol.asyncDispose](),
  }
}
