import { type Hypervisor, hypervisor, image } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import type { Cloud } from './cloud.ts'
import { faultOperations } from './fault-operations.ts'
import { NAMESPACE, OperationContext, type OperationTable, USER } from './operation-context.ts'
import type { Operation, Plan } from './plan.ts'
import { userOperations } from './user-operations.ts'

const operations: OperationTable<Operation> = { ...userOperations, ...faultOperations }

export class OperationRunner {
  readonly #context: OperationContext

  constructor(cloud: Cloud, plan: Plan) {
    this.#context = new OperationContext(cloud, plan)
  }

  async seedObjects(): Promise<void> {
    const { cloud, plan } = this.#context
    const namespaces = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false }
    await cloud.api.resource(namespaces).create({ metadata: { name: 'kube-system' } })
    for (const name of ['tiny', 'big'] as const) await this.#context.createFlavor(name)
    await this.#context.create(image, {
      metadata: { name: 'cirros', namespace: NAMESPACE },
      spec: { url: 'https://example.com/c' },
    })
    await this.#context.createNetwork('lan', plan.addressCount)
  }

  async run(operation: Operation): Promise<void> {
    const act = operations[operation.do] as (context: OperationContext, operation: Operation) => unknown
    try {
      await act(this.#context, operation)
    } catch (error) {
      // The API server may reject a user's request, for example because the object is gone. That is no violation.
      if (!(error instanceof ApiError)) throw error
    }
  }

  /** Also creates the network, flavor and port for which servers may be waiting. */
  async endFaults(): Promise<void> {
    const { cloud } = this.#context
    this.#context.endTemporaryFaults()
    cloud.faults.clear()
    await this.run({ do: 'create late network' })
    await this.run({ do: 'create late flavor' })
    await this.run({ do: 'create port' })
    const resource = this.#context.resourceOf<Hypervisor>(hypervisor)
    for (const { metadata, spec } of cloud.api.list<Hypervisor>('hypervisors'))
      if (spec.disabled || spec.forcedDown)
        await resource.patch(metadata, { spec: { disabled: false, forcedDown: false } }, USER)
  }
}
