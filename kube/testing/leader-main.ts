import { once } from 'node:events'
import { createKube } from '../client.ts'
import { runAsLeader } from '../leader.ts'
import { createLog } from '../log.ts'
import { runMain } from '../process.ts'

const [kubeconfig, namespace = 'default', identity = 'none'] = process.argv.slice(2)

await runMain(
  async (signal) => {
    await using kube = await createKube({ kubeconfig })
    const times = { leaseMs: 3_000, renewDeadlineMs: 2_000, retryMs: 300 }
    const work = async (stop: AbortSignal): Promise<void> => void (await once(stop, 'abort'))
    await runAsLeader({ kube, namespace, name: 'boss', identity, ...times }, work, signal)
  },
  { log: createLog({ level: 'warn', fields: { identity } }) },
)
