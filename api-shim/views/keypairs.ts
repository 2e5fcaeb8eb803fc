/** Renders key pairs as the Compute API shows them. Pure. */
import type { KeyPair } from '../../crds/index.ts'
import { displayNameOf } from '../state/names.ts'

/** The short form of lists and of the answer to a creation. */
export const renderKeyPair = (pair: KeyPair, version: number): object => ({
  name: displayNameOf(pair),
  public_key: pair.spec.publicKey,
  fingerprint: pair.status?.fingerprint ?? '',
  ...(version >= 2 ? { type: pair.spec.type } : {}),
})
