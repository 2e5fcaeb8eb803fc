/**
 * Every kind, in the order of the reference: first the kinds that users write, last those that administrators write.
 */
import { serverAction } from '../../actions/index.ts'
import {
  flavor,
  hostAggregate,
  hostSecret,
  hypervisor,
  image,
  type Kind,
  keyPair,
  network,
  port,
  server,
} from '../../crds/index.ts'

export const kinds: readonly Kind[] = [
  server,
  serverAction,
  flavor,
  image,
  network,
  port,
  keyPair,
  hypervisor,
  hostAggregate,
  hostSecret,
]
