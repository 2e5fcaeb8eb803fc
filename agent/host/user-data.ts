/**
 * User data that a user keeps in a Secret. The controller encrypts it for this host in a HostSecret (docs/adr/0035),
 * which is deleted when the server is built. So the agent keeps the decrypted data, which never changes, in the
 * server's directory.
 */
import type { KeyObject } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Guest, StepContext } from '../../actions/host/index.ts'
import { openSealedUserData } from '../../actions/sealed-secret.ts'
import { type HostSecret, Transient } from '../../crds/index.ts'
import { ignoreNotFound, isForbidden } from '../../kube/errors.ts'
import type { Resource } from '../../kube/resource.ts'
import { writeFileAtomically } from '../files/atomic-files.ts'
import { ignoreNotFound as ignoreMissingFile } from '../files/errors.ts'
import { uidOf } from './paths.ts'

export interface UserDataOptions {
  hostSecrets: Pick<Resource<HostSecret>, 'get'>
  /** The host's private key. */
  sealingKey(): Promise<KeyObject>
}

/**
 * Returns undefined if the server has no user data from a Secret.
 * @param directory the server's directory
 * @throws a Transient error (retried) with the code UserDataNotDelivered if there is no user data for this host yet
 */
export async function ensureSecretUserData(
  guest: Guest,
  directory: string,
  ctx: StepContext,
  options: UserDataOptions,
): Promise<Uint8Array | undefined> {
  if (guest.instance.hasSecretUserData !== true) return undefined
  // The name begins with disk.config, so writeConfigDrive also removes the file's temporary versions that a crash has
  // left.
  const path = join(directory, 'disk.config.user-data')
  const kept = await readFile(path).catch(ignoreMissingFile)
  if (kept) return kept
  const { spec } = await readHostSecret(guest, ctx, options)
  const isBundle = guest.server.spec.injectedFrom !== undefined
  const userData = await openSealedUserData(spec.sealed, await options.sealingKey(), { server: uidOf(guest), isBundle })
  if (!userData)
    throw new Transient(
      'UserDataNotDelivered',
      `the user data is encrypted for another key of ${spec.host}, or for another server; ${adviceFor(guest)}`,
    )
  await mkdir(directory, { recursive: true, mode: 0o711 })
  await writeFileAtomically(path, userData, 0o600)
  return userData
}

function adviceFor({ server: { spec } }: Guest): string {
  const names = [spec.userDataFrom?.secretKeyRef.name, spec.injectedFrom?.secretRef.name]
  const known = names.filter((name) => name !== undefined).join(' and ')
  return `the controller sends it again while Secret ${known} exists; if this lasts, create that Secret again, or see that the controller runs`
}

async function readHostSecret(
  guest: Guest,
  { signal }: StepContext,
  { hostSecrets }: UserDataOptions,
): Promise<HostSecret> {
  const { name, namespace } = guest.server.metadata
  const found = await ignoreNotFound(hostSecrets.get({ name, namespace }, { signal })).catch((cause: unknown) => {
    signal.throwIfAborted()
    const message = isForbidden(cause)
      ? 'the agent may not read HostSecrets: apply its ClusterRole and its binding (crds/access/agent.yaml) again'
      : 'the user data could not be read from the API server; the agent tries again until it can'
    throw new Transient('UserDataNotDelivered', message, { cause })
  })
  if (found) return found
  throw new Transient(
    'UserDataNotDelivered',
    `the user data from its Secret has not reached this host; ${adviceFor(guest)}`,
  )
}
