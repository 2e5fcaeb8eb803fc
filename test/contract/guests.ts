import { randomUUID } from 'node:crypto'
import type { Guest } from '../../actions/host/index.ts'
import { createNic } from '../../agent/net/testing.ts'
import type { Instance, Server } from '../../crds/index.ts'
import type { GuestOptions } from './contract-host.ts'

let count = 0

/** @param image the guest's image, with a URL from which the host can fetch it */
export function newGuest(options: GuestOptions, image: Instance['image'], ram = 64): Guest {
  const { spec = {}, flavor = {}, launchedAt, hasSecretUserData } = options
  count += 1
  const [uid, name] = [randomUUID(), `web-${count}`]
  const instance: Instance = {
    uuid: uid,
    availabilityZone: 'nova',
    flavor: { name: 'tiny', vcpus: 1, ram, disk: 1, ephemeral: 0, swap: 0, ...flavor },
    image,
    interfaces: [createNic(1 + (count % 90))],
    keys: [],
    ...(hasSecretUserData === undefined ? {} : { hasSecretUserData }),
  }
  const server: Server = {
    apiVersion: 'compute.kubenova.io/v1alpha1',
    kind: 'Server',
    metadata: { name, namespace: 'demo', uid, generation: 1 },
    spec: { flavor: 'tiny', configDrive: true, networks: [], powerState: 'Running', locked: false, ...spec },
    status: { host: 'h1', instance, ...(launchedAt === undefined ? {} : { launchedAt }) },
  }
  return { server, instance }
}
