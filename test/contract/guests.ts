/** Makes the Servers of contract tests: each is placed, small, and has one interface. */
import { randomUUID } from 'node:crypto'
import type { Guest } from '../../actions/host/index.ts'
import { createNic } from '../../agent/net/testing.ts'
import type { Instance, Server } from '../../crds/index.ts'
import type { GuestOptions } from './contract-host.ts'

let count = 0

/** @param image the image of the guest, as the host under contract has it */
export function newGuest({ spec = {}, launchedAt }: GuestOptions, image: Instance['image'], ram = 64): Guest {
  count += 1
  const [uid, name] = [randomUUID(), `web-${count}`]
  const instance: Instance = {
    uuid: uid,
    availabilityZone: 'nova',
    flavor: { name: 'tiny', vcpus: 1, ram, disk: 1, ephemeral: 0, swap: 0 },
    image,
    interfaces: [createNic(1 + (count % 90))],
    keys: [],
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
