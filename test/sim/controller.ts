/** The real controller as a process of the simulation: fills its caches, waits to lead, works until it is stopped or killed. */
import { createController } from '../../controller/controller.ts'
import { ControllerOptions } from '../../controller/options.ts'
import type { Kube } from '../../kube/client.ts'
import { lead } from '../../kube/leader.ts'
import type { Log } from '../../kube/log.ts'
import { parseOptions } from '../../kube/options.ts'

const defaults = parseOptions(ControllerOptions, { args: [], env: {}, prefix: 'SIM' })

/** As the controller's program has it. Resolves when it was told to stop, or leads no more. */
export async function controllerMain(kube: Kube, identity: string, log: Log, signal: AbortSignal): Promise<void> {
  const controller = createController(kube, defaults, log)
  await controller.start(signal)
  await lead(
    { kube, namespace: defaults.namespace, name: 'kubenova-controller', identity, log },
    (s) => controller.run(s),
    signal,
  )
}
