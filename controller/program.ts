import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { refuseOldDefinitions, version } from '../crds/index.ts'
import { parseAddress } from '../kube/address.ts'
import { createKube } from '../kube/client.ts'
import { definitionReader } from '../kube/definitions.ts'
import { fenceWrites } from '../kube/fence.ts'
import { serveHealthAndMetrics } from '../kube/health-server.ts'
import { runAsLeader } from '../kube/leader.ts'
import { createLog } from '../kube/log.ts'
import { largeHeapPolicy, startPeriodicGc } from '../kube/periodic-gc.ts'
import { runMain } from '../kube/process.ts'
import { readOptionsOrExit } from '../kube/program-options.ts'
import { createController } from './controller.ts'
import { ControllerOptions } from './options.ts'
import { storeDefs } from './stores.ts'

/**
 * Runs until the process gets SIGTERM or SIGINT, or loses the leader's Lease.
 * @param create creates the controller for a client of the API server; tests pass another function
 */
export async function runControllerProgram(create = createController): Promise<void> {
  const options = readOptionsOrExit(ControllerOptions, "Places servers on hosts and keeps the cluster's part of them.")
  const log = createLog({ level: options.logLevel, fields: { component: 'controller' } })
  const main = async (signal: AbortSignal): Promise<void> => {
    const { kubeconfig, namespace, leaseSeconds } = options
    await using kube = await createKube({
      userAgent: 'kubenova-controller',
      ...(kubeconfig ? { kubeconfig } : {}),
    })
    const plurals = Object.values(storeDefs).map(({ kind }) => kind.plural)
    await refuseOldDefinitions(plurals, version, definitionReader(kube, log, signal))
    // A process that was frozen while another became the leader must not write when it continues, so each write first
    // asks whether this process still leads.
    let isLeading = (): boolean => false
    const controller = create(
      fenceWrites(kube, () => isLeading()),
      options,
      log,
    )
    const { host, port } = parseAddress(options.metricsAddress)
    await using _http = await serveHealthAndMetrics({
      host,
      port,
      metrics: kube.metrics,
      ready: { caches: () => controller.checkReady() },
    })
    using _periodicGc = startPeriodicGc(kube.clock, largeHeapPolicy)
    // A standby fills its caches and keeps them up to date too, so that it can take over at once.
    await controller.start(signal)
    const identity = `${hostname()}_${randomBytes(4).toString('hex')}`
    log.info({ identity }, 'caches are filled, waiting to lead')
    const end = await runAsLeader(
      { kube, namespace, name: 'kubenova-controller', identity, ...leaseTimings(leaseSeconds), log },
      (leaderSignal, isLeader) => {
        isLeading = isLeader
        return controller.run(leaderSignal)
      },
      signal,
    )
    if (end === 'lost') throw new Error('leadership was lost: another controller leads now')
  }
  await runMain(main, { log })
}

/** The timings of the leader's Lease, in the proportions 15 : 10 : 2 that Kubernetes' own components use. */
function leaseTimings(seconds: number): { leaseMs: number; renewDeadlineMs: number; retryMs: number } {
  const leaseMs = seconds * 1000
  return { leaseMs, renewDeadlineMs: (leaseMs * 2) / 3, retryMs: (leaseMs * 2) / 15 }
}
