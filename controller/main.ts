/** The controller: caches of all kinds, a queue and a reconciler for each, run by the one process that leads. */
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { parseAddress } from '../kube/address.ts'
import { createKube } from '../kube/client.ts'
import { serveHttp } from '../kube/http.ts'
import { lead } from '../kube/leader.ts'
import { createLog } from '../kube/log.ts'
import { readOptions } from '../kube/main-options.ts'
import { runMain } from '../kube/process.ts'
import { createController } from './controller.ts'
import { ControllerOptions } from './options.ts'

const options = readOptions(ControllerOptions, "Places servers on hosts and keeps the cluster's part of them.")
const log = createLog({ level: options.logLevel, fields: { component: 'controller' } })

await runMain(
  async (signal) => {
    const { kubeconfig, namespace } = options
    await using kube = await createKube({
      userAgent: 'kubenova-controller',
      signal,
      ...(kubeconfig ? { kubeconfig } : {}),
    })
    const controller = createController(kube, options, log)
    const { host, port } = parseAddress(options.metricsAddress)
    await using _http = await serveHttp({
      host,
      port,
      metrics: kube.metrics,
      ready: { caches: () => controller.checkReady() },
    })
    // Those that stand by keep their caches warm.
    await controller.start(signal)
    const identity = `${hostname()}_${randomBytes(4).toString('hex')}`
    log.info({ identity }, 'caches are filled, waiting to lead')
    const end = await lead(
      { kube, namespace, name: 'kubenova-controller', identity, log, metrics: kube.metrics },
      (s) => controller.run(s),
      signal,
    )
    if (end === 'lost') throw new Error('leadership was lost: another controller leads now')
  },
  { log },
)
