/** Creates an object whose name in the OpenStack APIs need not be unique, while its Kubernetes name must be. */
import type { Draft, KubeObject } from '../../../kube/types.ts'
import { Fault } from '../../http/fault.ts'
import { newNameFor } from '../../state/names.ts'
import type { Writer } from '../../state/state.ts'

/** @param draft the object with a Kubernetes name; called again with another one if the first is taken */
export async function createNamed<T extends KubeObject>(
  writer: Writer<T>,
  draft: (kubernetesName: string) => Draft<T>,
  kubernetesName: string,
  displayName: string,
): Promise<T> {
  try {
    return await writer.create(draft(kubernetesName))
  } catch (error) {
    if (!(error instanceof Fault) || error.status !== 409) throw error
    return writer.create(draft(newNameFor(displayName)))
  }
}
