/** A process as it is in a pod: its service account's token, authority and namespace at their place, in a mount namespace of its own. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readKubeconfig } from '../rig/api.ts'

const place = '/var/run/secrets/kubernetes.io/serviceaccount'
/** /var/run is /run: nothing of this machine's is touched. */
const script = `mount -t tmpfs tmpfs /run && mkdir -p ${place} && cp "$1"/* ${place}/ && shift && exec "$@"`

/** The command line and environment that run `argv` so; `dir` takes the secrets. The token is that of the kubeconfig's user. */
export function inPod(
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
