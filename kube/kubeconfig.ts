// Kubeconfig files that need nothing but reading: tokens and certificates, in the file or beside it. Anything else is for client-node.
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { ConnectionOptions } from 'node:tls'

export interface KubeconfigLogin {
  server: string
  namespace: string
  headers: Record<string, string>
  tls: ConnectionOptions
}

type Fields = Readonly<Record<string, unknown>>

interface File {
  clusters?: readonly { name: string; cluster: Fields }[]
  users?: readonly { name: string; user?: Fields }[]
  contexts?: readonly { name: string; context: { cluster: string; user: string; namespace?: string } }[]
  'current-context'?: string
}

const clusterFields = new Set([
  'server',
  'certificate-authority',
  'certificate-authority-data',
  'insecure-skip-tls-verify',
  'tls-server-name',
])
const userFields = new Set([
  'token',
  'tokenFile',
  'client-certificate',
  'client-certificate-data',
  'client-key',
  'client-key-data',
])

/** Path of the one file that is meant; undefined: several are to be merged. */
export function kubeconfigPath(given: string | undefined, env: Readonly<NodeJS.ProcessEnv>): string | undefined {
  const path = given ?? (env['KUBECONFIG'] || join(homedir(), '.kube/config'))
  return given === undefined && path.includes(':') ? undefined : path
}

interface Chosen {
  cluster: Fields
  user: Fields
  namespace: string
}

/**
 * The login that the file's context names, read afresh, its tokens and certificates too. undefined: it takes more than reading (an exec
 * plugin, a proxy, …), or something is wrong, which client-node can say better.
 */
export async function readPlainKubeconfig(path: string, context?: string): Promise<KubeconfigLogin | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const { parse } = await import('yaml')
  const chosen = selectContext((parse(text) ?? {}) as File, context)
  if (!chosen || !hasOnlyFields(chosen.cluster, clusterFields) || !hasOnlyFields(chosen.user, userFields))
    return undefined
  const { cluster, user, namespace } = chosen
  const { server } = cluster
  if (typeof server !== 'string') return undefined
  const folder = dirname(resolve(path))
  return { server, namespace, headers: await headersOf(user, folder), tls: await tlsOf(cluster, user, folder) }
}

function selectContext(file: File, context = file['current-context']): Chosen | undefined {
  const chosen = file.contexts?.find(({ name }) => name === context)?.context
  const cluster = file.clusters?.find(({ name }) => name === chosen?.cluster)?.cluster
  const user = file.users?.find(({ name }) => name === chosen?.user)?.user
  return chosen && cluster && user && { cluster, user, namespace: chosen.namespace ?? 'default' }
}

const hasOnlyFields = (fields: Fields, known: ReadonlySet<string>): boolean =>
  Object.keys(fields).every((f) => known.has(f))

async function tlsOf(cluster: Fields, user: Fields, folder: string): Promise<ConnectionOptions> {
  const { 'tls-server-name': servername, 'insecure-skip-tls-verify': insecure } = cluster
  const texts = {
    ca: await textOf(cluster, 'certificate-authority', folder),
    cert: await textOf(user, 'client-certificate', folder),
    key: await textOf(user, 'client-key', folder),
  }
  return {
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined)),
    ...(typeof servername === 'string' ? { servername } : {}),
    ...(insecure === true ? { rejectUnauthorized: false } : {}),
  }
}

/** Of `field-data` in base64, or of the file that `field` names; paths are relative to the kubeconfig's. */
async function textOf(fields: Fields, field: string, folder: string): Promise<string | undefined> {
  const { [field]: path, [`${field}-data`]: data } = fields
  if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64').toString()
  return typeof path === 'string' && path !== '' ? readFile(resolve(folder, path), 'utf8') : undefined
}

/** As in client-go a token's file goes before the token. */
async function headersOf({ token, tokenFile }: Fields, folder: string): Promise<Record<string, string>> {
  const text = typeof tokenFile === 'string' ? await readFile(resolve(folder, tokenFile), 'utf8') : token
  return typeof text === 'string' && text !== '' ? { authorization: `Bearer ${text.trim()}` } : {}
}
