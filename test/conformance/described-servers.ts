import { actions, servers } from '../../api-shim/state/stores.ts'
import type { TestShim } from '../../api-shim/testing.ts'
import type { Server, ServerAction } from '../../crds/index.ts'
import { addressesFrom } from './placement.ts'

interface Description {
  spec: object
  status: object
}

const macAddress = 'fa:16:3e:00:00:01'

/**
 * @param details of the fault, if the text tells of one
 * @returns undefined: the text says nothing beyond the server's state
 */
function describedBy(setup: string, details: string): Description | undefined {
  if (setup.includes('with metadata, tags, description, one port, user data'))
    return {
      spec: {
        metadata: { k: 'v' },
        tags: ['a', 'b'],
        description: 'd',
        hostname: 'rich-host',
        configDrive: true,
        userDataBase64: 'aGVsbG8=',
      },
      status: {
        addresses: [
          { network: 'private', address: '10.10.0.5', version: 4, macAddress },
          { network: 'private', address: 'fd00:10::5', version: 6, macAddress },
        ],
      },
    }
  if (setup.includes('ERROR: no valid host'))
    return {
      spec: { flavor: 'f-huge' },
      status: {
        host: null,
        instance: null,
        launchedAt: null,
        powerState: 'NOSTATE',
        domain: null,
        fault: {
          code: 500,
          message: 'No valid host was found. ',
          details,
          created: '2026-01-02T03:04:05Z',
        },
      },
    }
  return undefined
}

/** @param shown the server in the first recorded answer */
export async function applyInitialState(
  shown: Readonly<Record<string, unknown>>,
  { metadata }: Server,
  shim: TestShim,
): Promise<void> {
  const { metadata: pairs, tags, addresses } = shown
  const resource = shim.api.resource<Server>(servers.kind)
  const spec = { ...(pairs === undefined ? {} : { metadata: pairs }), ...(tags === undefined ? {} : { tags }) }
  await resource.patch(metadata, { spec })
  const status = addresses === undefined ? {} : { addresses: addressesFrom(addresses) }
  await shim.waitForCache(servers.kind, await resource.patch(metadata, { status }, { subresource: 'status' }))
}

export async function applyDescription(
  setup: string,
  { metadata }: Server,
  shim: TestShim,
  details = 'no host has enough memory',
): Promise<void> {
  const described = describedBy(setup, details)
  if (!described) return
  const resource = shim.api.resource<Server>(servers.kind)
  await resource.patch(metadata, { spec: described.spec })
  const { status } = described
  await shim.waitForCache(servers.kind, await resource.patch(metadata, { status }, { subresource: 'status' }))
}

/** Lets every server be built or fail, and then reach the power state that was asked for. */
export async function settleServers(shim: TestShim): Promise<void> {
  await waitUntilBuilt(shim)
  for (const server of shim.api.list<Server>(servers.kind.plural)) await reachPowerState(server, shim)
}

const reached: Readonly<Record<Server['spec']['powerState'], object>> = {
  Running: { vmState: 'active', powerState: 'Running' },
  Stopped: { vmState: 'stopped', powerState: 'Shutdown' },
  Paused: { vmState: 'paused', powerState: 'Paused' },
  Suspended: { vmState: 'suspended', powerState: 'Shutdown' },
}

/** Actions with these names start a server anew, even one in error. */
const starting: readonly string[] = ['reboot', 'unrescue']

async function reachPowerState({ metadata, spec, status }: Server, shim: TestShim): Promise<void> {
  const isRebooted = shim.api
    .list<ServerAction>(actions.kind.plural, metadata.namespace)
    .some((action) => action.spec.server === metadata.name && starting.includes(action.spec.action))
  const isReached = status?.reachedPowerState === undefined || status.reachedPowerState === spec.powerState
  if (isReached && !isRebooted) return
  const change = { ...reached[spec.powerState], reachedPowerState: spec.powerState, taskState: null, fault: null }
  const resource = shim.api.resource<Server>(servers.kind)
  const patched = await resource.patch(metadata, { status: change }, { subresource: 'status' })
  await shim.waitForCache(servers.kind, patched)
}

async function waitUntilBuilt({ services }: TestShim): Promise<void> {
  const isSettled = ({ status }: Server): boolean => status?.vmState !== undefined
  for (let turn = 0; turn < 1000; turn++) {
    if (services.state.unchecked.servers.cache.list().every(isSettled)) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error('a server has no state')
}
