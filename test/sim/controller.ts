/**
 * The real controller as a process of the simulation: fills its caches, waits to lead, works until it is stopped or
 * killed.
 */
import { createController } from '../../controller/controller.ts'
import { ControllerOptions } from '../../controller/options.ts'
import type { Kube } from '../../kube/client.ts'
import { fenceWrites } from '../../kube/fence.ts'
import { runAsLeader } from '../../kube/leader.ts'
import type { Log } from '../../kube/log.ts'
import { parseOptions } from '../../kube/options.ts'

const defaults = parseOptions(ControllerOptions, { args: [], env: {}, prefix: 'SIM' })

/** Renewed less often than by default: half of all steps would be renewals. */
const election = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 4_500 }

/** As the controller's program has it. Resolves when it was told to stop, or leads no more. */
export async function controllerMain(kube: Kube, identity: string, log: Log, signal: AbortSignal): Promise<void> {
  let leads = (): boolean => false
  const may = (): boolean => leads()
  const controller = createController(fenceWrites(kube, may), defaults, log)
  await controller.start(signal)
  await runAsLeader(
    { kube, namespace: defaults.namespace, name: 'kubenova-controller', identity, log, ...election },
    (s, holds) => {
      leads = holds
      return controller.run(s)
    },
    signal,
  )
}
