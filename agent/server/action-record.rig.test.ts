import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { serverAction } from '../../actions/index.ts'
import { API_VERSION, resourceDefOf, type Server, type ServerAction } from '../../crds/index.ts'
import { createKube, type Kube } from '../../kube/client.ts'
import type { Resource } from '../../kube/resource.ts'
import { applyManifests } from '../../test/rig/crds.ts'
import { withControlPlane } from '../../test/rig/vitest.ts'
import { endedStatus, requestRecord } from './action-record.ts'

const plane = withControlPlane()
let kube: Kube
let actions: Resource<ServerAction>

beforeAll(async () => {
  await applyManifests(plane().api, join(import.meta.dirname, '../../crds/manifests'))
  kube = await createKube({ kubeconfig: plane().kubeconfig, userAgent: 'test' })
  actions = kube.resource(resourceDefOf(serverAction))
})
afterAll(async () => kube[Symbol.asyncDispose]())

const uid = '7c1f0a6e-58a4-4c3f-9d0a-0d8d9f6a3b21'
const server = {
  apiVersion: API_VERSION,
  kind: 'Server',
  metadata: { name: 'web', namespace: 'default', uid },
} as Server

it('kubectl wait sees the end of a request, although each change of its status was a generation', async () => {
  const metadata = { name: 'web-x', namespace: 'default' }
  const asked = await actions.create({ metadata, spec: { server: 'web', action: 'start', start: {} } })
  await actions.apply({ metadata, status: { phase: 'Running' } }, { fieldManager: 'kubenova-admission' })
  const request = { name: 'web-x', uid: asked.metadata.uid ?? '', admittedAt: '2026-01-01T00:00:00Z' }
  const times = { startTime: '2026-01-01T00:00:00Z', finishTime: '2026-01-01T00:00:01Z' }
  const planned = { action: 'start', params: {}, id: request.uid, request } as const
  const ended = await actions.apply(requestRecord(server, request, endedStatus({ planned, host: 'h1', ...times })), {
    fieldManager: 'kubenova-agent/h1',
  })
  expect(ended.metadata.generation).toBeGreaterThan(1)
  const said = await plane().kubectl('wait', '--for=condition=Complete', 'serveraction/web-x', '--timeout=10s')
  expect(said).toContain('condition met')
})
