// Runs the programs on an API server whose definitions, or whose Hypervisors, are of another version.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { type Condition, findCondition, type Hypervisor } from '../../crds/index.ts'
import about from '../../package.json' with { type: 'json' }
import { applyAccessManifests, applyManifests } from './crds.ts'
import { freePorts } from './ports.ts'
import { endProcess, type Running, spawnMarked } from './process.ts'
import { withControlPlane } from './vitest.ts'
import { waitUntil } from './wait-until.ts'

const root = join(import.meta.dirname, '../..')
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const hypervisors = '/apis/compute.kubenova.io/v1alpha1/hypervisors'
const plane = withControlPlane({ controllerManager: true })

const merge = (path: string, patch: object): Promise<unknown> =>
  plane().api.send('PATCH', path, patch, 'application/merge-patch+json')

const setDefinitionVersion = (plural: string, version: string | null): Promise<unknown> =>
  merge(`${definitions}/${plural}.compute.kubenova.io`, {
    metadata: { annotations: { 'compute.kubenova.io/version': version } },
  })

interface Program extends Running {
  log: string
}

async function startProgram(name: 'controller' | 'agent' | 'api-shim', ...flags: string[]): Promise<Program> {
  const node = name === 'agent' ? await createNode() : undefined
  const kubeconfig = await plane().serviceAccount('kubenova-system', `kubenova-${name}`, node)
  const dir = join(kubeconfig, '..')
  const [port] = await freePorts('127.0.0.1', 1)
  const log = join(dir, `${name}.log`)
  const argv = [
    'node',
    join(root, name, 'main.ts'),
    '--kubeconfig',
    kubeconfig,
    '--metrics-address',
    `127.0.0.1:${port}`,
  ]
  return { ...(await spawnMarked([...argv, ...flags], { dir, log, owned: true })), log }
}

async function createNode(): Promise<{ name: string; uid: string }> {
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'h1' } }
  const { metadata } = await plane().api.send<{ metadata: { uid: string } }>('POST', '/api/v1/nodes', node)
  return { name: 'h1', uid: metadata.uid }
}

beforeAll(async () => {
  await applyManifests(plane().api, join(root, 'crds/manifests'))
  await applyAccessManifests(plane().api, join(root, 'crds/access'))
})

it('the controller does not start beside an older definition', async () => {
  await setDefinitionVersion('ports', '0.0.1')
  const { exited, log } = await startProgram('controller')
  expect((await exited).code).toBe(1)
  expect(readFileSync(log, 'utf8')).toContain(
    `CustomResourceDefinition ports.compute.kubenova.io has version 0.0.1, and this program ${about.version}: apply the definitions before the programs`,
  )
  await setDefinitionVersion('ports', about.version)
})

it('the API shim does not start beside an older definition', async () => {
  await setDefinitionVersion('hostaggregates', '0.0.1')
  const { exited, log } = await startProgram('api-shim')
  expect((await exited).code).toBe(1)
  expect(readFileSync(log, 'utf8')).toContain(
    `CustomResourceDefinition hostaggregates.compute.kubenova.io has version 0.0.1, and this program ${about.version}: apply the definitions before the programs`,
  )
  await setDefinitionVersion('hostaggregates', about.version)
})

it('the agent does not start beside a definition without a version', async () => {
  await setDefinitionVersion('servers', null)
  const { exited, log } = await startProgram('agent')
  expect((await exited).code).toBe(1)
  expect(readFileSync(log, 'utf8')).toContain(
    'CustomResourceDefinition servers.compute.kubenova.io names no version, so it is older than this program',
  )
  await setDefinitionVersion('servers', about.version)
})

it('the controller reports an agent of another version until it is upgraded', async () => {
  const controller = await startProgram('controller')
  const readSkew = async (): Promise<Condition | undefined> => {
    const { status } = await plane().api.send<Hypervisor>('GET', `${hypervisors}/h1`)
    return findCondition(status?.conditions, 'VersionSkew')
  }
  const host = { apiVersion: 'compute.kubenova.io/v1alpha1', kind: 'Hypervisor', metadata: { name: 'h1' }, spec: {} }
  await plane().api.send('POST', hypervisors, host)
  await merge(`${hypervisors}/h1/status`, { status: { agentVersion: '9.1.0' } })
  const skew = await waitUntil(readSkew, { what: 'VersionSkew' })
  expect(skew).toMatchObject({ status: 'True', reason: 'AgentTooNew' })
  await merge(`${hypervisors}/h1/status`, { status: { agentVersion: about.version } })
  await waitUntil(async () => (await readSkew()) === undefined, { what: 'the end of VersionSkew' })
  expect(readFileSync(controller.log, 'utf8')).not.toContain('may not read')
  await endProcess(controller)
})
