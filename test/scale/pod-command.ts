/**
 * Runs a program as in a Pod: in its own mount namespace, the token, CA certificate and namespace of its service
 * account are where Kubernetes puts them.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readKubeconfig } from '../rig/api.ts'

const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount'
/** Mounts a tmpfs over /run (the target of the link /var/run), in the process's own mount namespace. */
const script = `mount -t tmpfs tmpfs /run && mkdir -p ${SERVICE_ACCOUNT_DIR} && cp "$1"/* ${SERVICE_ACCOUNT_DIR}/ && shift && exec "$@"`

/** Writes the service account's files to `dir`, with the token of the kubeconfig's user. */
export function toPodCommand(
  argv: readonly string[],
  kubeconfig: string,
  dir: string,
): { argv: string[]; env: Record<string, string> } {
  const { server, ca, token = '' } = readKubeconfig(kubeconfig)
  const secrets = join(dir, 'serviceaccount')
  mkdirSync(secrets, { recursive: true })
  chmodSync(secrets, 0o700)
  for (const [name, text] of Object.entries({ token, 'ca.crt': ca, namespace: 'kubenova-system' }))
    writeFileSync(join(secrets, name), text)
  const { hostname, port } = new URL(server)
  return {
    argv: ['unshare', '--mount', 'sh', '-c', script, 'pod', secrets, ...argv],
    env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port, KUBECONFIG: '' },
  }
}
