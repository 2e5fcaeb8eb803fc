// Node objects of the cloud's hosts: an agent's token is bound to one. There is no kubelet that would register them, so the rig does;
// they are cordoned, for no Pod can run there.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type ApiClient, createApiClient } from './api.ts'

const path = '/api/v1/nodes'
const mark = { 'app.kubernetes.io/managed-by': 'kubenova-rig' }
const DOWN_MS = 5_000

interface Node {
  metadata: { name: string; uid: string }
}

/** The Node of that name, made if there is none; one that is there is left as it is. */
export async function ensureNode(api: ApiClient, name: string): Promise<Node['metadata']> {
  const { items } = await api.send<{ items: Node[] }>('GET', `${path}?fieldSelector=metadata.name%3D${name}`)
  const found = items[0] ?? (await api.send<Node>('POST', path, node(name)))
  return { name, uid: found.metadata.uid }
}

const node = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: mark },
  spec: { unschedulable: true, taints: [{ key: 'kubenova.io/rig', effect: 'NoExecute' }] },
})

/** Takes the Nodes that the rig made from a cluster that was given. One that does not answer any more keeps them. */
export async function removeNodes(dir: string, log: (line: string) => void): Promise<void> {
  if (!existsSync(join(dir, 'given.json'))) return
  const api = createApiClient(join(dir, 'kubeconfig'))
  const selector = Object.entries(mark).map(([key, value]) => encodeURIComponent(`${key}=${value}`))
  const late = AbortSignal.timeout(DOWN_MS)
  const tooLate = new Promise<never>((_, reject) => {
    late.addEventListener('abort', () => reject(late.reason as Error))
  })
  try {
    await Promise.race([api.send('DELETE', `${path}?labelSelector=${selector.join(',')}`), tooLate])
  } catch (error) {
    log(`the cluster keeps the Nodes of this cloud: ${String(error)}`)
  } finally {
    await api.close()
  }
}
