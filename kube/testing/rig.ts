import { randomBytes } from 'node:crypto'
import { readKubeconfig } from '../../test/rig/api.ts'
import type { ControlPlane } from '../../test/rig/control-plane.ts'
import { type ConfigMap, configMaps, type Namespace, namespaces } from '../builtin-kinds.ts'
import { createKube, type Kube, type KubeOptions } from '../client.ts'
import type { Resource } from '../resource.ts'
import { type Proxy, startProxy } from './proxy.ts'

export const createDirectClient = (plane: ControlPlane, options: KubeOptions = {}): Promise<Kube> =>
  createKube({ kubeconfig: plane.kubeconfig, userAgent: 'kube-test', ...options })

export async function createProxiedClient(
  plane: ControlPlane,
  options: KubeOptions = {},
): Promise<{ proxy: Proxy; kube: Kube } & AsyncDisposable> {
  const { server, ca, token = '' } = readKubeconfig(plane.kubeconfig)
  const proxy = await startProxy({ server, ca })
  const kube = await createKube({ server: proxy.url, token, userAgent: 'kube-test', ...options })
  return {
    proxy,
    kube,
    async [Symbol.asyncDispose]() {
      await kube[Symbol.asyncDispose]()
      await proxy[Symbol.asyncDispose]()
    },
  }
}

/** The tests use ConfigMaps as sample objects. */
export async function createTestNamespace(kube: Kube): Promise<{ namespace: string; maps: Resource<ConfigMap> }> {
  const namespace = `t-${randomBytes(4).toString('hex')}`
  await kube.resource<Namespace>(namespaces).create({ metadata: { name: namespace } })
  return { namespace, maps: kube.resource<ConfigMap>(configMaps) }
}

export async function runParallel(count: number, atOnce: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) await work(i)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

export async function collectAll<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const value of source) all.push(value)
  return all
}
