import { existsSync, rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ControlPlane, startControlPlane } from './control-plane.ts'
import { listMarkedProcesses } from './process.ts'
import { createScratchDirectory } from './scratch.ts'
import { withControlPlane } from './vitest.ts'
import { waitUntil } from './wait-until.ts'

describe('startControlPlane', () => {
  const plane = withControlPlane({ audit: true, users: [{ name: 'alice', groups: ['operators'] }] })

  it('starts the expected version of Kubernetes', async () => {
    const version = await plane().api.send<{ gitVersion: string }>('GET', '/version')
    expect(version.gitVersion).toMatch(/^v1\.36\./)
    expect(await plane().kubectl('version')).toMatch(/Client Version: v1\.36\./)
  })

  it('serves both kinds of admission policy', async () => {
    const { resources } = await plane().api.send<{ resources: { name: string }[] }>(
      'GET',
      '/apis/admissionregistration.k8s.io/v1',
    )
    const names = resources.map((r) => r.name)
    expect(names).toContain('validatingadmissionpolicies')
    expect(names).toContain('mutatingadmissionpolicies')
  })

  it('keeps its data when a part is killed', async () => {
    await plane().api.send('POST', '/api/v1/namespaces', makeNamespace('kept'))
    await plane().restart('etcd')
    await plane().restart('kube-apiserver')
    await expect(plane().api.text('/api/v1/namespaces/kept')).resolves.toContain('"kept"')
  })

  it('authorizes users by RBAC', async () => {
    const file = plane().kubeconfigOf('alice')
    const can = (verb: string) => plane().kubectl('auth', 'can-i', verb, 'pods', '--kubeconfig', file)
    await expect(can('list')).rejects.toThrow()
    await plane().kubectl('create', 'clusterrole', 'lister', '--verb=list', '--resource=pods')
    await plane().kubectl('create', 'clusterrolebinding', 'ops', '--clusterrole=lister', '--group=operators')
    const allowed = async () => (await can('list')).trim() === 'yes'
    expect(await waitUntil(allowed, { what: 'the binding to reach the authorizer' })).toBe(true)
  })

  it('creates tokens that are bound to a Node', async () => {
    await plane().kubectl('create', 'serviceaccount', 'agent')
    await plane().api.send('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } })
    const { metadata } = await plane().api.send<{ metadata: { name: string; uid: string } }>('GET', '/api/v1/nodes/n1')
    const file = await plane().serviceAccount('default', 'agent', { name: metadata.name, uid: metadata.uid })
    const who = await plane().kubectl('auth', 'whoami', '--output=json', '--kubeconfig', file)
    const { userInfo } = (JSON.parse(who) as { status: { userInfo: { username: string; extra: object } } }).status
    expect(userInfo.username).toBe('system:serviceaccount:default:agent')
    expect(userInfo.extra).toMatchObject({ 'authentication.kubernetes.io/node-name': ['n1'] })
  })

  it('has each API write in its audit log', async () => {
    const writes = () =>
      plane()
        .audit()
        .filter((e) => e.verb === 'create' && e.objectRef?.resource === 'configmaps')
    const countAdminWrites = () => writes().filter((e) => e.user.username === 'admin').length
    const before = countAdminWrites()
    await plane().kubectl('create', 'configmap', 'one')
    expect(countAdminWrites() - before).toBe(1)
  })
})

describe('start and stop', () => {
  it('a second start changes nothing, and a stop leaves nothing behind', async () => {
    const dir = createScratchDirectory()
    const first = await startControlPlane({ dir, owned: true })
    const processes = () =>
      listMarkedProcesses()
        .filter((p) => p.dir.startsWith(dir))
        .map((p) => p.pid)
        .sort((a, b) => a - b)
    const before = processes()
    const second = await startControlPlane({ dir, owned: true })
    expect(processes()).toEqual(before)
    expect(second.server).toBe(first.server)

    await new ControlPlane({ dir }).stop()
    expect(processes()).toEqual([])
    expect(existsSync(second.kubeconfig)).toBe(false)
    rmSync(dir, { recursive: true })
  })
})

const makeNamespace = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
