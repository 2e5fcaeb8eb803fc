// Creates a Node for each host, because the tokens of agents are bound to Nodes, and no kubelet registers these hosts.
// The Nodes are unschedulable, because no Pod can run there.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type ApiClient, createApiClient } from './api.ts'

const path = '/api/v1/nodes'
const labels = { 'app.kubernetes.io/managed-by': 'kubenova-rig' }
const TIMEOUT_MS = 5_000

interface Node {
  metadata: { name: string; uid: string }
}

export async function ensureNode(api: ApiClient, name: string): Promise<Node['metadata']> {
  const { items } = await api.send<{ items: Node[] }>('GET', `${path}?fieldSelector=metadata.name%3D${name}`)
  const found = items[0] ?? (await api.send<Node>('POST', path, makeNode(name)))
  return { name, uid: found.metadata.uid }
}

const makeNode = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels },
  spec: { unschedulable: true, taints: [{ key: 'kubenova.io/rig', effect: 'NoExecute' }] },
})

/**
 * Deletes the Nodes that ensureNode() has created in an existing cluster. Leaves them if the cluster does not answer in
 * time.
 */
export async function removeNodes(dir: string, log: (line: string) => void): Promise<void> {
  if (!existsSync(join(dir, 'given.json'))) return
  const api = createApiClient(join(dir, 'kubeconfig'))
  const selector = Object.entries(labels).map(([key, value]) => encodeURIComponent(`${key}=${value}`))
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const timeout = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error))
  })
  try {
    await Promise.race([api.send('DELETE', `${path}?labelSelector=${selector.join(',')}`), timeout])
  } catch (error) {
    log(`the cluster keeps the Nodes of this cloud: ${String(error)}`)
  } finally {
    await api.close()
  }
}
