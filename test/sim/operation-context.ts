import { flavor, type Kind, network, resourceDefOf, type Server } from '../../crds/index.ts'
import type { Resource } from '../../kube/resource.ts'
import type { KubeObject } from '../../kube/types.ts'
import { type Cloud, SIMULATION } from './cloud.ts'
import type { Operation, Plan } from './plan.ts'

export const NAMESPACE = 'demo'
/** Memory in MiB, disk in GiB. The flavor `late` does not exist at the start of a run. */
export const sizes = {
  tiny: { vcpus: 1, ram: 1024, disk: 10 },
  big: { vcpus: 2, ram: 2048, disk: 20 },
  late: { vcpus: 1, ram: 1024, disk: 10 },
} as const
export const USER = { fieldManager: 'user' }

export type OperationTable<T extends Operation> = {
  [Name in T['do']]: (context: OperationContext, operation: Extract<T, { do: Name }>) => unknown
}

export class OperationContext {
  readonly cloud: Cloud
  readonly plan: Plan
  acceptedRequests = 0
  #actionRequests = 0
  /** Functions that end the temporary faults. */
  readonly #temporary = new Set<() => void>()

  constructor(cloud: Cloud, plan: Plan) {
    this.cloud = cloud
    this.plan = plan
  }

  /** Injected faults do not affect the calls of this client. */
  resourceOf<T extends KubeObject>(kind: Kind): Resource<T> {
    return this.cloud.api.resource<T>(resourceDefOf(kind), undefined, 'user')
  }

  async create(kind: Kind, object: object): Promise<void> {
    await this.resourceOf(kind).create(object as never, USER)
  }

  createFlavor(name: keyof typeof sizes): Promise<void> {
    return this.create(flavor, { metadata: { name }, spec: sizes[name] })
  }

  createNetwork(name: 'lan' | 'late', addressCount: number): Promise<void> {
    const third = name === 'lan' ? 0 : 1
    const pools = [{ start: `10.0.${third}.10`, end: `10.0.${third}.${9 + addressCount}` }]
    const subnets = [{ cidr: `10.0.${third}.0/24`, gateway: `10.0.${third}.1`, pools }]
    return this.create(network, { metadata: { name, namespace: NAMESPACE }, spec: { subnets } })
  }

  findServer(name: string): Server | undefined {
    return this.cloud.api.find('servers', `${NAMESPACE}/${name}`) as Server | undefined
  }

  nextRequestName(): string {
    this.#actionRequests += 1
    return `request-${this.#actionRequests}`
  }

  /** Calls `end` once: after `ms` simulated milliseconds, or earlier if endTemporaryFaults() is called. */
  endAfter(ms: number, end: () => void): void {
    const endOnce = (): void => {
      if (this.#temporary.delete(endOnce)) end()
    }
    this.#temporary.add(endOnce)
    this.cloud.time.setTimer(SIMULATION, ms, endOnce)
  }

  endTemporaryFaults(): void {
    for (const end of this.#temporary) end()
    this.#temporary.clear()
  }
}
