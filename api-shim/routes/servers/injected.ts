/**
 * The administrator password and the files that a client gives a new server. They reach the guest on its config drive.
 * The Secret with them stays as long as the servers, because a server may be built again on another host.
 */
import { randomInt } from 'node:crypto'
import { encodeInjectedFiles, mistakeInInjected } from '../../../actions/injected-bundle.ts'
import { injectedKeys, secretTypes } from '../../../crds/index.ts'
import { newBadRequest, newForbidden } from '../../http/fault.ts'
import { isWithin, projectLimits } from '../../state/quotas.ts'
import type { RouteRequest } from '../route.ts'
import type { CreateServerBody } from './create-schema.ts'
import { newOwnedSecret, type OwnedSecret } from './owned-secret.ts'

type NewServer = CreateServerBody['server']
type Request = RouteRequest<CreateServerBody>

/** The characters of Nova's passwords: digits, capitals and small letters, without those that look alike. */
const groups = ['23456789', 'ABCDEFGHJKLMNPQRSTUVWXYZ', 'abcdefghijkmnopqrstuvwxyz'] as const
const PASSWORD_LENGTH = 12

const pickFrom = (characters: string): string => characters.charAt(randomInt(characters.length))

/** A password as Nova generates them: 12 characters, at least one of each group. */
export function generatePassword(): string {
  const characters = groups.map(pickFrom)
  while (characters.length < PASSWORD_LENGTH) characters.push(pickFrom(groups.join('')))
  for (let i = characters.length - 1; i > 0; i--) {
    const j = randomInt(i + 1)
    ;[characters[i], characters[j]] = [characters[j] ?? '', characters[i] ?? '']
  }
  return characters.join('')
}

/** Whether the client gives a password or files, which need a config drive. */
export const givesInjected = ({ adminPass, personality = [] }: NewServer): boolean =>
  adminPass !== undefined || personality.length > 0

/** Throws a 403 if the files exceed a limit of the project. As in Nova, the base64 text of a file counts. */
export function checkInjectedFiles({ body, state, services }: Request): void {
  const { personality: files = [] } = body.server
  if (files.length === 0) return
  const limits = projectLimits(state.namespace, services)
  if (!isWithin(files.length, limits.injected_files)) throw newForbidden('Personality file limit exceeded')
  const longest = (lengths: number[]): number => Math.max(...lengths)
  const { injected_file_path_bytes: pathLimit, injected_file_content_bytes: contentLimit } = limits
  if (!isWithin(longest(files.map(({ path = '' }) => path.length)), pathLimit))
    throw newForbidden(`Personality file path exceeds maximum ${pathLimit}`)
  if (!isWithin(longest(files.map(({ contents = '' }) => contents.length)), contentLimit))
    throw newForbidden(`Personality file content exceeds maximum ${contentLimit}`)
}

/**
 * The Secret for what the config drives of the new servers get; undefined if that is nothing. Throws a 400 if the
 * controller would not use it.
 */
export function injectedSecret(
  { name, personality = [] }: NewServer,
  adminPassword: string | undefined,
  request: Pick<Request, 'state'>,
): OwnedSecret<{ injectedFrom: { secretRef: { name: string } } }> | undefined {
  if (adminPassword === undefined && personality.length === 0) return undefined
  const files = personality.map(({ path = '', contents = '' }) => ({ path, contents: Buffer.from(contents, 'base64') }))
  const filesText = files.length === 0 ? undefined : encodeInjectedFiles(files)
  const mistake = mistakeInInjected({ adminPassword, files: filesText })
  if (mistake) throw newBadRequest(`Invalid input for adminPass or personality: ${mistake}.`)
  const data = {
    ...(adminPassword === undefined ? {} : { [injectedKeys.password]: Buffer.from(adminPassword).toString('base64') }),
    ...(filesText === undefined ? {} : { [injectedKeys.files]: Buffer.from(filesText).toString('base64') }),
  }
  return newOwnedSecret({ prefix: `${name}-injected`, type: secretTypes.injected, data }, request, (secret) => ({
    injectedFrom: { secretRef: { name: secret } },
  }))
}
