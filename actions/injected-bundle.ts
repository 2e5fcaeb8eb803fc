/**
 * The bundle of secrets for a server's config drive that the controller sends to the host (docs/adr/0035): user data,
 * the administrator password, and files.
 */
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { parseJson } from './parse-json.ts'

export interface InjectedFile {
  path: string
  contents: Uint8Array
}

export interface InjectedBundle {
  userData?: Uint8Array | undefined
  adminPassword?: string | undefined
  files?: readonly InjectedFile[]
}

/** Files as JSON: in the key `files` of a Secret of the user, and in the bundle. */
const FilesText = Type.Array(
  Type.Object({ path: Type.String({ minLength: 1, maxLength: 255 }), contents: Type.String() }),
  { maxItems: 100 },
)
const BundleText = Type.Object({
  userData: Type.Optional(Type.String()),
  adminPassword: Type.Optional(Type.String()),
  files: Type.Optional(FilesText),
})

const MAX_BYTES = 65_535
const MAX_PASSWORD_LENGTH = 255

interface InjectedText {
  adminPassword?: string | undefined
  /** In JSON. */
  files?: string | undefined
}

/** Returns what is wrong with the values of a Secret for spec.injectedFrom; undefined if they are valid. */
export function mistakeInInjected({ adminPassword = '', files }: InjectedText): string | undefined {
  if (Buffer.byteLength(adminPassword) + Buffer.byteLength(files ?? '') > MAX_BYTES)
    return `more than ${MAX_BYTES} bytes`
  if (adminPassword.length > MAX_PASSWORD_LENGTH) return `a password of more than ${MAX_PASSWORD_LENGTH} characters`
  if (files !== undefined && !parseInjectedFiles(files))
    return 'files that are no list of at most 100 {path, contents} with paths of 1 to 255 characters'
  return undefined
}

/** Reads a list of {path, contents}, with contents in base64; undefined if the text is none. */
export function parseInjectedFiles(text: string): InjectedFile[] | undefined {
  const parsed = parseJson(text)
  return Value.Check(FilesText, parsed) ? parsed.map(toInjectedFile) : undefined
}

type FileText = Static<typeof FilesText>[number]

const toInjectedFile = ({ path, contents }: FileText): InjectedFile => ({
  path,
  contents: Buffer.from(contents, 'base64'),
})

const toFileText = ({ path, contents }: InjectedFile): FileText => ({ path, contents: toBase64(contents) })

const toBase64 = (value: Uint8Array): string => Buffer.from(value).toString('base64')

export const encodeInjectedFiles = (files: readonly InjectedFile[]): string => JSON.stringify(files.map(toFileText))

export const encodeBundle = ({ userData, adminPassword, files = [] }: InjectedBundle): Uint8Array =>
  Buffer.from(
    JSON.stringify({
      userData: userData && toBase64(userData),
      adminPassword,
      files: files.map(toFileText),
    }),
  )

/** Undefined if the value is no bundle. */
export function decodeBundle(value: Uint8Array): InjectedBundle | undefined {
  const parsed = parseJson(Buffer.from(value).toString())
  if (!Value.Check(BundleText, parsed)) return undefined
  const { userData, adminPassword, files = [] } = parsed
  return {
    ...(userData === undefined ? {} : { userData: Buffer.from(userData, 'base64') }),
    ...(adminPassword === undefined ? {} : { adminPassword }),
    files: files.map(toInjectedFile),
  }
}
