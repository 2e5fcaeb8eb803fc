/**
 * Does at once what controller and agents would do. A new server becomes active; or it gets the error that no host was
 * found, if its flavor is `f-huge`. A requested action succeeds.
 */

import { actions, servers } from '../../api-shim/state/stores.ts'
import type { Server } from '../../crds/index.ts'
import { isNotFound } from '../../kube/errors.ts'
import type { FakeApi, Write } from '../fakes/api.ts'

const started = '2026-01-02T03:04:05Z'

export async function actOn({ plural, before, after }: Write, api: FakeApi): Promise<void> {
  if (before !== undefined || after === undefined) return
  const ref = { name: after.metadata.name, namespace: after.metadata.namespace }
  try {
    if (plural === 'serveractions')
      await api
        .resource(actions.kind)
        .patch(ref, { status: { phase: 'Succeeded', startTime: started, finishTime: started } })
    if (plural === 'servers')
      await api
        .resource(servers.kind)
        .patch(ref, { status: statusOf(after as unknown as Server) }, { subresource: 'status' })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

function statusOf({ spec }: Server): object {
  if (spec.flavor === 'f-huge')
    return {
      vmState: 'error',
      powerState: 'NOSTATE',
      fault: { code: 500, message: 'No valid host was found. ', created: started },
    }
  const address = (value: string, version: number): object => ({
    network: 'private',
    address: value,
    version,
    macAddress: 'fa:16:3e:00:00:01',
  })
  return {
    host: 'host-1',
    vmState: 'active',
    powerState: 'Running',
    reachedPowerState: 'Running',
    launchedAt: started,
    domain: { name: 'instance-00000001' },
    ...(spec.networks.length > 0 ? { addresses: [address('10.10.0.5', 4), address('fd00:10::5', 6)] } : {}),
  }
}
