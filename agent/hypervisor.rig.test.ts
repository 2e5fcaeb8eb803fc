import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Hypervisor, hypervisor, resourceDefOf } from '../crds/index.ts'
import { createKube, type Kube } from '../kube/client.ts'
import type { Resource } from '../kube/resource.ts'
import { applyManifests } from '../test/rig/crds.ts'
import { withControlPlane } from '../test/rig/vitest.ts'
import { ensureHypervisor } from './hypervisor.ts'

const plane = withControlPlane()
let kube: Kube
let api: Resource<Hypervisor>

beforeAll(async () => {
  await applyManifests(plane().api, join(import.meta.dirname, '../crds/manifests'))
  kube = await createKube({ kubeconfig: plane().kubeconfig, userAgent: 'test' })
  api = kube.resource(resourceDefOf(hypervisor))
})
afterAll(async () => kube[Symbol.asyncDispose]())

it('ensureHypervisor leaves every field of the spec to the operator, defaults included', async () => {
  await ensureHypervisor(api, 'fresh')
  const operator = { fieldManager: 'operator', force: false }
  const spec = { disabled: true, disabledReason: 'repair', forcedDown: true }
  const disabled = await api.apply({ metadata: { name: 'fresh' }, spec }, operator)
  expect(disabled.spec).toMatchObject(spec)
  const enabled = await api.apply({ metadata: { name: 'fresh' }, spec: { disabled: false } }, operator)
  expect(enabled.spec).toEqual({ disabled: false, forcedDown: false })
})

it('ensureHypervisor returns an existing Hypervisor and changes nothing in it', async () => {
  const first = await ensureHypervisor(api, 'twice')
  await api.apply(
    { metadata: { name: 'twice' }, spec: { disabled: true, forcedDown: false } },
    { fieldManager: 'operator' },
  )
  const again = await ensureHypervisor(api, 'twice')
  expect(again.metadata.uid).toBe(first.metadata.uid)
  expect(again.spec.disabled).toBe(true)
})
