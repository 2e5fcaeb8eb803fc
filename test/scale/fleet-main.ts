/**
 * The program of a fleet: a process with many agents on simulated hosts. It ends at SIGTERM.
 * Usage: node test/scale/fleet-main.ts KUBECONFIG FIRST COUNT
 */
import { createKube } from '../../kube/client.ts'
import { createLog } from '../../kube/log.ts'
import { runMain } from '../../kube/process.ts'
import { runFleet } from './fleet.ts'

const [kubeconfig = '', first = '1', count = '1'] = process.argv.slice(2)
const log = createLog({ level: 'warn', fields: { component: 'agent' } })

await runMain(
  async (signal) => {
    await using kube = await createKube({ kubeconfig, userAgent: 'kubenova-agent' })
    await runFleet(kube, { first: Number(first), count: Number(count), log }, signal)
  },
  { log },
)
