// An API shim in the process of the test, with the rights of its own ServiceAccount on a real API server.
import type { AddressInfo } from 'node:net'
import { EmbeddedIdentity } from '../../api-shim/identity/embedded/backend.ts'
import { createServer } from '../../api-shim/server.ts'
import type { Services } from '../../api-shim/services.ts'
import { createAccess } from '../../api-shim/state/access.ts'
import { Heartbeats } from '../../api-shim/state/heartbeats.ts'
import { Hosts } from '../../api-shim/state/hosts.ts'
import { State } from '../../api-shim/state/state.ts'
import { storeDefs } from '../../api-shim/state/stores.ts'
import { createKube } from '../../kube/client.ts'
import { createLog } from '../../kube/log.ts'
import { createStores, startStores } from '../../kube/store.ts'
import type { ControlPlane } from './control-plane.ts'

const NAMESPACE = 'kubenova-system'

export interface InProcessShim extends AsyncDisposable {
  app: ReturnType<typeof createServer>
  services: Services
  /** Serves the APIs on a port, and returns the address. */
  listen(): Promise<string>
}

/** The definitions, the rights and the users' Secret must be there. */
export async function startShimInProcess(plane: ControlPlane): Promise<InProcessShim> {
  const stop = new AbortController()
  const kubeconfig = await plane.serviceAccount(NAMESPACE, 'kubenova-api-shim')
  const kube = await createKube({ kubeconfig, userAgent: 'kubenova-api-shim' })
  const log = createLog({ level: 'error' })
  const stores = createStores(storeDefs, { kube, log })
  const state = new State({ kube, stores, access: createAccess(kube) })
  await startStores(stores, stop.signal)
  const identity = new EmbeddedIdentity({ kube, state, namespace: NAMESPACE, tokenSeconds: 600, log })
  await identity.start(stop.signal)
  const services: Services = {
    state,
    authenticator: identity,
    identity,
    namespace: NAMESPACE,
    heartbeats: new Heartbeats(kube, NAMESPACE),
    hosts: new Hosts(kube, NAMESPACE),
    region: 'RegionOne',
    clock: kube.clock,
    log,
  }
  const app = createServer(services)
  await app.ready()
  return {
    app,
    services,
    async listen() {
      await app.listen({ host: '127.0.0.1', port: 0 })
      const { port } = app.server.address() as AddressInfo
      return `http://127.0.0.1:${port}`
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await app.close()
      await kube[Symbol.asyncDispose]()
    },
  }
}
