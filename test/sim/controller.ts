import { createController } from '../../controller/controller.ts'
import { ControllerOptions } from '../../controller/options.ts'
import type { Kube } from '../../kube/client.ts'
import { fenceWrites } from '../../kube/fence.ts'
import { runAsLeader } from '../../kube/leader.ts'
import type { Log } from '../../kube/log.ts'
import { parseOptions } from '../../kube/options.ts'

const defaults = parseOptions(ControllerOptions, { args: [], env: {}, prefix: 'SIM' })

/**
 * The leader renews its lease every `retryMs`. With the default of 2 seconds, half of all simulated steps would be
 * renewals.
 */
const election = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 4_500 }

/** Does what controller/main.ts does. Resolves when `signal` aborts or the lease is lost. */
export async function runController(kube: Kube, identity: string, log: Log, signal: AbortSignal): Promise<void> {
  let isLeading = (): boolean => false
  const mayWrite = (): boolean => isLeading()
  const controller = createController(fenceWrites(kube, mayWrite), defaults, log)
  await controller.start(signal)
  await runAsLeader(
    { kube, namespace: defaults.namespace, name: 'kubenova-controller', identity, log, ...election },
    (leaderSignal, holdsLease) => {
      isLeading = holdsLease
      return controller.run(leaderSignal)
    },
    signal,
  )
}
