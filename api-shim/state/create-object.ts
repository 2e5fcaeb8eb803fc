import { isAlreadyExists } from '../../kube/errors.ts'
import type { Draft, KubeObject } from '../../kube/types.ts'
import { Fault } from '../http/fault.ts'
import type { Writer } from './state.ts'

/** @param alreadyExists the fault if an object with the name exists, which another replica may just have created */
export async function createObject<T extends KubeObject>(
  writer: Writer<T>,
  draft: Draft<T>,
  alreadyExists: () => Fault,
): Promise<T> {
  try {
    return await writer.create(draft)
  } catch (error) {
    throw error instanceof Fault && isAlreadyExists(error.cause) ? alreadyExists() : error
  }
}
