// Reads kubeconfigs whose token and certificates are in the kubeconfig itself, or in files. @kubernetes/client-node
// handles all others.
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { ConnectionOptions } from 'node:tls'

export interface KubeconfigLogin {
  server: string
  headers: Record<string, string>
  tls: ConnectionOptions
}

type Fields = Readonly<Record<string, unknown>>

interface Kubeconfig {
  clusters?: readonly { name: string; cluster: Fields }[]
  users?: readonly { name: string; user?: Fields }[]
  contexts?: readonly { name: string; context: { cluster: string; user: string } }[]
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

/** Undefined if KUBECONFIG names several files, which would have to be merged. */
export function kubeconfigPath(given: string | undefined, env: Readonly<NodeJS.ProcessEnv>): string | undefined {
  const path = given ?? (env['KUBECONFIG'] || join(homedir(), '.kube/config'))
  return given === undefined && path.includes(':') ? undefined : path
}

interface SelectedContext {
  cluster: Fields
  user: Fields
}

/**
 * Each call reads all files anew. Undefined if files are not enough (exec plugin, proxy, …) or if the kubeconfig has an
 * error, which client-node reports better.
 */
export async function readPlainKubeconfig(path: string): Promise<KubeconfigLogin | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const { parse } = await import('yaml')
  const selected = selectContext((parse(text) ?? {}) as Kubeconfig)
  if (!selected) return undefined
  const { cluster, user } = selected
  if (!hasOnlyFields(cluster, clusterFields) || !hasOnlyFields(user, userFields)) return undefined
  const { server } = cluster
  if (typeof server !== 'string') return undefined
  const folder = dirname(resolve(path))
  return { server, headers: await headersOf(user, folder), tls: await tlsOf(cluster, user, folder) }
}

function selectContext(file: Kubeconfig): SelectedContext | undefined {
  const context = file.contexts?.find(({ name }) => name === file['current-context'])?.context
  const cluster = file.clusters?.find(({ name }) => name === context?.cluster)?.cluster
  const user = file.users?.find(({ name }) => name === context?.user)?.user
  return cluster && user && { cluster, user }
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

/** The path in `field` is relative to the kubeconfig's folder. */
async function textOf(fields: Fields, field: string, folder: string): Promise<string | undefined> {
  const { [field]: path, [`${field}-data`]: data } = fields
  if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64').toString()
  return typeof path === 'string' && path !== '' ? readFile(resolve(folder, path), 'utf8') : undefined
}

/** `tokenFile` takes precedence over `token`, as in client-go. */
async function headersOf({ token, tokenFile }: Fields, folder: string): Promise<Record<string, string>> {
  const text = typeof tokenFile === 'string' ? await readFile(resolve(folder, tokenFile), 'utf8') : token
  return typeof text === 'string' && text !== '' ? { authorization: `Bearer ${text.trim()}` } : {}
}
