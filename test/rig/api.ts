import { readFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { parse, stringify } from 'yaml'
import { readBody, sendHttpRequest, targetFromUrl } from '../../kube/http-request.ts'

export interface ApiClient {
  /** Resolves to the body of the answer. Rejects if the status is not 2xx. */
  text(path: string): Promise<string>
  /** Sends an object as JSON, or a text unchanged. Rejects if the status is not 2xx. */
  send<T>(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH',
    path: string,
    body?: object | string,
    type?: string,
  ): Promise<T>
  close(): Promise<void>
}

interface ClusterLogin {
  server: string
  /** CA certificate in PEM. */
  ca: string
  /** A name in the API server's certificate. Needed only if the certificate is not valid for the host in the URL. */
  servername?: string | undefined
  user: string
  token?: string | undefined
  certificate?: { cert: string; key: string } | undefined
}

export function formatKubeconfig({ server, ca, servername, user, token }: ClusterLogin): string {
  const data = { 'certificate-authority-data': Buffer.from(ca).toString('base64') }
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'kubenova',
        cluster: { server, ...data, ...(servername === undefined ? {} : { 'tls-server-name': servername }) },
      },
    ],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: 'kubenova', context: { cluster: 'kubenova', user } }],
    'current-context': 'kubenova',
  })
}

interface KubeconfigFile {
  clusters: { cluster: { server: string; 'certificate-authority-data'?: string; 'tls-server-name'?: string } }[]
  users: {
    name: string
    user: { token?: string; 'client-certificate-data'?: string; 'client-key-data'?: string }
  }[]
}

/** Reads the first cluster and the first user. The kubeconfig must contain the certificates, not paths to them. */
export function readKubeconfig(file: string): ClusterLogin {
  const { clusters, users } = parse(readFileSync(file, 'utf8')) as KubeconfigFile
  const cluster = clusters[0]?.cluster
  const entry = users[0]
  if (!cluster || !entry) throw new Error(`${file}: names no cluster or no user`)
  const cert = decodeBase64(entry.user['client-certificate-data'])
  const key = decodeBase64(entry.user['client-key-data'])
  return {
    server: cluster.server,
    ca: decodeBase64(cluster['certificate-authority-data']) ?? '',
    servername: cluster['tls-server-name'],
    user: entry.name,
    token: entry.user.token,
    certificate: cert && key ? { cert, key } : undefined,
  }
}

const decodeBase64 = (data: string | undefined) => (data ? Buffer.from(data, 'base64').toString() : undefined)

export function createApiClient(file: string): ApiClient {
  const { server, ca, servername, token, certificate } = readKubeconfig(file)
  const agent = new Agent({ keepAlive: true, ca, ...(servername ? { servername } : {}), ...certificate })
  const authorization = token ? { authorization: `Bearer ${token}` } : {}
  const call = async (method: string, path: string, body?: object | string, type = 'application/json') => {
    const answer = await sendHttpRequest(targetFromUrl(new URL(`${server}${path}`)), {
      method,
      agent,
      headers: { ...authorization, accept: 'application/json', 'content-type': type },
      ...(body ? { body: typeof body === 'string' ? body : JSON.stringify(body) } : {}),
    })
    const text = await readBody(answer)
    if ((answer.statusCode ?? 0) >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`)
    return text
  }
  return {
    text: (path) => call('GET', path),
    send: async <T>(method: string, path: string, body?: object | string, type?: string) =>
      JSON.parse(await call(method, path, body, type)) as T,
    close: async () => agent.destroy(),
  }
}
