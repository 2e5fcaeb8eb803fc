/**
 * Does at once what controller and agents would do. A new server becomes active; or it gets the error that no host was
 * found, if its flavor is `f-huge`. A requested action succeeds.
 */

import { actions as registry } from '../../actions/index.ts'
import { actions, servers } from '../../api-shim/state/stores.ts'
import type { Server, ServerAction } from '../../crds/index.ts'
import { isAlreadyExists, isNotFound } from '../../kube/errors.ts'
import type { FakeApi, Write } from '../fakes/api.ts'
import { placementOf } from './placement.ts'

const started = '2026-01-02T03:04:05Z'

/** The behaviour of the simulated cloud, and the fate of the next new server. */
export interface Simulation {
  /** Whether the test creates the objects itself, with their status. */
  isPaused: boolean
  host: string
  /** The time on the API server. Default: the real time. */
  now?: Date | undefined
  /** The details of the fault, if no host is found. */
  faultDetails?: string | undefined
}

export async function actOn({ plural, before, after }: Write, api: FakeApi, simulation: Simulation): Promise<void> {
  if (before !== undefined || after === undefined) return
  try {
    if (plural === 'serveractions') await finishAction(after as unknown as ServerAction, api)
    if (plural === 'servers') await build(after as unknown as Server, api, simulation)
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

async function finishAction({ metadata, status }: ServerAction, api: FakeApi): Promise<void> {
  // A record that a test has seeded is finished already.
  if (status?.phase !== undefined) return
  const finished = { phase: 'Succeeded', startTime: started, finishTime: started }
  await api.resource(actions.kind).patch(metadata, { status: finished })
}

async function build(server: Server, api: FakeApi, simulation: Simulation): Promise<void> {
  const status = statusOf(server, api, simulation)
  await api.resource(servers.kind).patch(server.metadata, { status }, { subresource: 'status' })
  await recordBuild(server, api, simulation)
}

async function recordBuild({ metadata, spec }: Server, api: FakeApi, { host }: Simulation): Promise<void> {
  const hasFailed = spec.flavor === 'f-huge'
  const time = new Date().toISOString()
  const times = { startTime: time, finishTime: time }
  const event = { event: registry.create.event, ...times, result: hasFailed ? 'Error' : 'Success' }
  const record = {
    metadata: { name: `${metadata.name.slice(0, 200)}-create`, namespace: metadata.namespace },
    spec: { server: metadata.name, action: 'create' },
    status: {
      phase: hasFailed ? 'Failed' : 'Succeeded',
      ...times,
      events: [hasFailed ? event : { ...event, host }],
    },
  }
  try {
    await api.resource(actions.kind).create(record)
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
  }
}

function statusOf(server: Server, api: FakeApi, { host, faultDetails: details }: Simulation): object {
  const { spec } = server
  if (spec.flavor === 'f-huge')
    return {
      vmState: 'error',
      powerState: 'NOSTATE',
      fault: {
        code: 500,
        message: 'No valid host was found. ',
        created: started,
        ...(details === undefined ? {} : { details }),
      },
    }
  const address = (value: string, version: number): object => ({
    network: 'private',
    address: value,
    version,
    macAddress: 'fa:16:3e:00:00:01',
  })
  return {
    ...placementOf(server, host, api),
    vmState: 'active',
    powerState: 'Running',
    reachedPowerState: 'Running',
    launchedAt: started,
    domain: { name: 'instance-00000001' },
    ...(spec.networks.length > 0 ? { addresses: [address('10.10.0.5', 4), address('fd00:10::5', 6)] } : {}),
  }
}
