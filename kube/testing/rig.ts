// What the tests of this package on a real API server share: a client straight to it or through a proxy, and a namespace of one's own.
import { randomBytes } from 'node:crypto'
import { readKubeconfig } from '../../test/rig/api.ts'
import type { ControlPlane } from '../../test/rig/control-plane.ts'
import { type ConfigMap, configMaps, type Namespace, namespaces } from '../builtin-kinds.ts'
import { createKube, type Kube, type KubeOptions } from '../client.ts'
import type { Resource } from '../resource.ts'
import { type Proxy, startProxy } from './proxy.ts'

/** A client of a control plane as its admin. */
export const createDirectClient = (plane: ControlPlane, options: KubeOptions = {}): Promise<Kube> =>
  createKube({ kubeconfig: plane.kubeconfig, userAgent: 'kube-test', ...options })

/** A client that sees the server only through a proxy. */
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

/** A fresh namespace, and its ConfigMaps: the objects these tests play with. */
export async function createTestNamespace(kube: Kube): Promise<{ namespace: string; maps: Resource<ConfigMap> }> {
  const namespace = `t-${randomBytes(4).toString('hex')}`
  await kube.resource<Namespace>(namespaces).create({ metadata: { name: namespace } })
  return { namespace, maps: kube.resource<ConfigMap>(configMaps) }
}

/** Runs `work` for 0 … count-1, so many at a time. */
export async function runParallel(count: number, atOnce: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) await work(i)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/** Every value of a stream. */
export async function collectAll<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const value of source) all.push(value)
  return all
}
