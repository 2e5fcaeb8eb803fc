import { rmSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Cloud, startCloud, stopCloud } from './cloud.ts'
import { createScratchDirectory, removeOrphanedClouds } from './scratch.ts'
import { withControlPlane } from './vitest.ts'

// The hosts cannot reach 127.0.0.1, on which the existing cluster listens. They reach the cluster through the forwarder
// on the cloud's bridge (existing-cluster.ts).
const plane = withControlPlane()
let dir: string
let cloud: Cloud

beforeAll(async () => {
  await removeOrphanedClouds()
  dir = createScratchDirectory()
  cloud = await startCloud({ dir, kubeconfig: plane().kubeconfig, owned: true })
})

afterAll(async () => {
  await stopCloud(dir)
  rmSync(dir, { recursive: true, force: true })
})

const listNodeNames = async (): Promise<string[]> => {
  const { items } = await plane().api.send<{ items: { metadata: { name: string } }[] }>('GET', '/api/v1/nodes')
  return items.map(({ metadata }) => metadata.name)
}

it('controller and agents use an existing cluster through the bridge', async () => {
  await cloud.waitUntilReady('controller')
  await cloud.waitUntilReady('agent-h1')
  const path = '/apis/compute.kubenova.io/v1alpha1/hypervisors/h1'
  const hypervisor = await plane().api.send<{ status: { state: string } }>('GET', path)
  expect(hypervisor.status.state).toBe('up')
  expect(new URL(cloud.plane.server).hostname).not.toBe('127.0.0.1')
})

it('the existing cluster is unchanged after the cloud is stopped, without Nodes of the rig', async () => {
  expect(await listNodeNames()).toEqual(['h1'])
  await cloud.stop()
  expect(await plane().api.text('/readyz')).toBe('ok')
  expect(await listNodeNames()).toEqual([])
})
