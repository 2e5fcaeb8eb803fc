import { serverAction } from '../../actions/index.ts'
import {
  FINALIZER,
  FORCE_DELETE,
  type Hypervisor,
  hypervisor,
  type Port,
  port,
  type Server,
  type ServerAction,
  server,
} from '../../crds/index.ts'
import { killProcess, matchesCall } from './fault-operations.ts'
import { NAMESPACE, type OperationContext, type OperationTable, USER } from './operation-context.ts'
import type { UserOperation } from './plan.ts'

const refTo = (name: string) => ({ name, namespace: NAMESPACE })

export const userOperations: OperationTable<UserOperation> = {
  async 'create server'(context, { name, flavor, networks, powerState }) {
    const finalizers = context.plan.hasAdmissionPolicy ? [FINALIZER] : undefined
    await context.resourceOf<Server>(server).create(
      {
        metadata: { ...refTo(name), ...(finalizers ? { finalizers } : {}) },
        spec: {
          flavor,
          image: { name: 'cirros' },
          powerState,
          networks: networks.map((network) => (network === 'port' ? { port: 'p1' } : { name: network })),
        },
      },
      USER,
    )
    context.acceptedRequests += 1
  },
  async 'delete server'(context, { name }) {
    await context.resourceOf<Server>(server).delete(refTo(name))
    context.acceptedRequests += 1
  },
  'set power state': (context, { name, powerState }) => patchServer(context, name, { powerState }),
  'rename server': (context, { name }) => patchServer(context, name, { displayName: `n${context.acceptedRequests}` }),
  'request action': (context, operation) => requestAction(context, operation),
  async 'delete action record'(context, { name }) {
    const all = context.cloud.api.list<ServerAction>('serveractions')
    const found = all.find(({ spec, status }) => spec.server === name && status?.phase !== undefined)
    if (found) await context.resourceOf<ServerAction>(serverAction).delete(found.metadata)
  },
  async 'force delete'(context, { name }) {
    if (!context.findServer(name)?.metadata.deletionTimestamp) return
    const patch = { metadata: { annotations: { [FORCE_DELETE]: 'true' } } }
    await context.resourceOf<Server>(server).patch(refTo(name), patch, USER)
    context.acceptedRequests += 1
  },
  async 'disable host'(context, { host, ms }) {
    const resource = context.resourceOf<Hypervisor>(hypervisor)
    await resource.patch({ name: host }, { spec: { disabled: true } }, USER)
    context.endAfter(ms, () => void resource.patch({ name: host }, { spec: { disabled: false } }, USER))
  },
  'create late network': (context) => context.createNetwork('late', 6),
  'create late flavor': (context) => context.createFlavor('late'),
  'create port': (context) =>
    context.resourceOf<Port>(port).create({ metadata: refTo('p1'), spec: { network: { name: 'lan' } } }, USER),
  async 'delete port'(context) {
    const servers = context.cloud.api.list<Server>('servers')
    const isInUse = servers.some(({ spec }) => spec.networks.some((network) => network.port))
    if (!isInUse) await context.resourceOf<Port>(port).delete(refTo('p1'))
  },
}

async function patchServer(context: OperationContext, name: string, spec: Partial<Server['spec']>): Promise<void> {
  await context.resourceOf<Server>(server).patch(refTo(name), { spec }, USER)
  context.acceptedRequests += 1
}

type RequestOperation = Extract<UserOperation, { do: 'request action' }>

async function requestAction(
  context: OperationContext,
  { name, action, type, killAfter, failure }: RequestOperation,
): Promise<void> {
  if (failure) failRequest(context, name, failure)
  if (killAfter !== undefined) killAgentAfterStep(context, name, killAfter)
  const params = action === 'reboot' ? { type } : {}
  await context.resourceOf<ServerAction>(serverAction).create(
    {
      metadata: refTo(context.nextRequestName()),
      spec: { server: name, action, [action]: params },
    },
    USER,
  )
  context.acceptedRequests += 1
}

/**
 * Makes the next `step` for this server fail for good. Depending on `report`, the agent's write of the failure to the
 * Server's status fails once, or the agent is killed before it. At the next attempt, the result in the ServerAction
 * must not change.
 */
function failRequest(
  context: OperationContext,
  name: string,
  { step, report }: NonNullable<RequestOperation['failure']>,
): void {
  const { cloud } = context
  const { faults } = cloud
  const host = context.findServer(name)?.status?.host ?? ''
  const isStatusWrite = matchesCall(host, 'applyStatus servers')
  faults.failHost(matchesCall(host, `${step} ${name}`), 'terminal', 1)
  const disturbReport = (): void => {
    if (report === 'fails') faults.failApi(isStatusWrite, '503', 1)
    else faults.intercept(isStatusWrite, () => killProcess(cloud, host, 1000), 1)
  }
  faults.intercept(matchesCall(host, 'apply serveractions'), disturbReport, 1)
}

/** The step takes effect on the host, but the agent gets no answer. */
function killAgentAfterStep(context: OperationContext, name: string, step: string): void {
  const { cloud } = context
  const host = context.findServer(name)?.status?.host ?? ''
  cloud.faults.intercept(matchesCall(host, `${step} ${name}`), () => killProcess(cloud, host, 1000), 1)
}
