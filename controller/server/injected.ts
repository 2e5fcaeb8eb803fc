/** Reads the password and the files for a server's config drive from the Secret that spec.injectedFrom names. */
import { type InjectedBundle, mistakeInInjected, parseInjectedFiles } from '../../actions/injected-bundle.ts'
import { injectedKeys, Refused, type Server, secretTypes } from '../../crds/index.ts'
import type { Secret } from '../../kube/builtin-kinds.ts'
import { belongsToOthers, readSecret, type SecretReader } from '../read-secret.ts'

/** @throws Refused error if the server must wait until the Secret exists or has changed */
export async function readInjected(
  server: Server,
  { secrets }: { secrets: SecretReader },
): Promise<InjectedBundle | undefined> {
  const { metadata, spec } = server
  if (!spec.injectedFrom) return undefined
  const { name } = spec.injectedFrom.secretRef
  const ref = { name, namespace: metadata.namespace }
  const secret = await readSecret(ref, secrets, 'and the server continues by itself')
  if (!secret)
    throw new Refused(
      'UserDataSecretNotFound',
      `Secret ${name} does not exist; the server waits for it: create it with the type ${secretTypes.injected}`,
    )
  if (belongsToOthers(secret, server)) throw newNotOwned(name)
  return injectedIn(secret, name)
}

export const newNotOwned = (name: string): Refused =>
  new Refused(
    'UserDataSecretInvalid',
    `Secret ${name} belongs to another server: create the Server anew with a Secret of its own`,
  )

function injectedIn({ type, data = {} }: Secret, name: string): InjectedBundle {
  const refuse = (what: string): Refused =>
    new Refused('UserDataSecretInvalid', `Secret ${name} ${what}; the server waits for another one of that name`)
  if (type !== secretTypes.injected) throw refuse(`is not of the type ${secretTypes.injected}`)
  const textOf = (key: string): string | undefined =>
    data[key] ? Buffer.from(data[key], 'base64').toString() : undefined
  const [adminPassword, files] = [textOf(injectedKeys.password), textOf(injectedKeys.files)]
  const mistake = mistakeInInjected({ adminPassword, files })
  if (mistake) throw refuse(`has ${mistake}`)
  return { adminPassword, files: files === undefined ? [] : (parseInjectedFiles(files) ?? []) }
}
