/** Every kind, in the order of the reference: users' kinds first, operators' kinds last. */
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
