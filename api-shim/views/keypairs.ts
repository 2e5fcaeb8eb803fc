import type { KeyPair } from '../../crds/index.ts'
import { fingerprintOf } from '../../crds/keypair-fingerprint.ts'
import { isoMicroseconds } from '../http/time.ts'
import { displayNameOf } from '../state/names.ts'

/** The fingerprint; empty if the key cannot be read, which the controller reports on the KeyPair. */
function renderFingerprint({ spec, status }: KeyPair): string {
  if (status?.fingerprint !== undefined) return status.fingerprint
  try {
    return fingerprintOf(spec)
  } catch {
    return ''
  }
}

/** The short form of lists. */
export const renderKeyPair = (pair: KeyPair, version: number): object => ({
  name: displayNameOf(pair),
  public_key: pair.spec.publicKey,
  fingerprint: renderFingerprint(pair),
  ...(version >= 2 ? { type: pair.spec.type } : {}),
})

/** The answer to a creation. The private key is there only if the server has made the key. */
export const renderNewKeyPair = (pair: KeyPair, userId: string, version: number, privateKey?: string): object => ({
  ...(privateKey === undefined ? {} : { private_key: privateKey }),
  ...renderKeyPair(pair, version),
  user_id: userId,
})

/** Replaces Nova's number of the database row: clients show it, and expect a positive integer. */
const numberOf = ({ metadata: { uid = '' } }: KeyPair): number => (Number.parseInt(uid.slice(0, 7), 16) || 0) + 1

export const renderKeyPairDetails = (pair: KeyPair, userId: string, version: number): object => ({
  ...renderKeyPair(pair, version),
  user_id: userId,
  created_at: isoMicroseconds(pair.metadata.creationTimestamp ?? new Date(0)),
  deleted: false,
  deleted_at: null,
  id: numberOf(pair),
  updated_at: null,
})
