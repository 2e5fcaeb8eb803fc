import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApiClient } from './api.ts'
import { startCloud, stopCloud } from './cloud.ts'
import { listMarkedProcesses, runCommand } from './process.ts'
import { createScratchDirectory, removeOrphanedClouds } from './scratch.ts'
import { findTraces, noTraces } from './traces.ts'
import { waitUntil } from './wait-until.ts'

let dir: string

beforeAll(async () => {
  await removeOrphanedClouds()
  dir = createScratchDirectory()
})

afterAll(async () => stopCloud(dir))

const runCli = (...args: string[]) => [process.execPath, join(import.meta.dirname, 'cli.ts'), ...args]
const env = () => ({ CLOUD_DIR: dir })

const listProcesses = () =>
  listMarkedProcesses()
    .filter((p) => p.dir.startsWith(dir))
    .map((p) => `${p.pid}:${p.startTime}`)

describe('make up, make down', () => {
  it('up starts a cloud whose hosts report, and a second up changes nothing', async () => {
    await runCommand(runCli('up', '--hosts', '2'), { env: env() })
    const cloud = await startCloud({ dir, hosts: 2 })
    const logins = () => ['controller', 'agent-h1'].map((name) => readFileSync(cloud.kubeconfigOf(name), 'utf8'))
    const before = [...listProcesses(), ...logins()]
    const { items } = await cloud.plane.api.send<{ items: { metadata: { name: string } }[] }>(
      'GET',
      '/apis/compute.kubenova.io/v1alpha1/hypervisors',
    )
    expect(items.map((item) => item.metadata.name)).toEqual(['h1', 'h2'])
    await cloud.plane.api.close()
    await runCommand(runCli('up', '--hosts', '2'), { env: env() })
    expect([...listProcesses(), ...logins()]).toEqual(before)
  })

  it('up renews the token of an agent whose Node was deleted', async () => {
    const cloud = await startCloud({ dir, hosts: 2 })
    const { api } = cloud.plane
    const agent = createApiClient(cloud.kubeconfigOf('agent-h1'))
    await api.send('DELETE', '/api/v1/nodes/h1')
    const out = async () => agent.text('/api/v1/namespaces/kube-system').catch((error: unknown) => String(error))
    await waitUntil(async () => (await out()).includes(': 401 '), { what: 'the token to be refused', every: 200 })
    await runCommand(runCli('up', '--hosts', '2'), { env: env() })
    const beat = async () => api.text('/apis/coordination.k8s.io/v1/namespaces/kubenova-system/leases/h1')
    const last = await beat()
    await waitUntil(async () => (await beat()) !== last, { what: 'a heartbeat of h1', deadline: 60_000 })
    await Promise.all([api.close(), agent.close()])
  })

  it('up restarts the processes that were killed', async () => {
    const cloud = await startCloud({ dir, hosts: 2 })
    await cloud.kill('agent-h1')
    await cloud.kill('controller')
    await cloud.host('h2').powerOff()
    await cloud.plane.kill('kube-apiserver')
    await runCommand(runCli('up', '--hosts', '2'), { env: env() })
    const again = await startCloud({ dir, hosts: 2 })
    for (const name of ['controller', 'agent-h1', 'agent-h2']) await again.waitUntilReady(name)
    expect((await again.host('h2').virsh('hostname')).trim()).toBe('h2')
    await cloud.plane.api.close()
    await again.plane.api.close()
  })

  it('down leaves no processes, interfaces, mounts and files', async () => {
    expect(listProcesses().length).toBeGreaterThan(5)
    await runCommand(runCli('down'), { env: env() })
    expect(await findTraces(dir)).toEqual(noTraces)
  })

  it('down removes a cloud whose start was killed', async () => {
    const up = spawn(process.execPath, runCli('up').slice(1), { env: { ...process.env, ...env() }, stdio: 'ignore' })
    await waitUntil(() => existsSync(join(dir, 'hosts/h1/run')), {
      what: 'a host under way',
      deadline: 120_000,
      every: 1,
    })
    up.kill('SIGKILL')
    await runCommand(runCli('down'), { env: env() })
    expect(await findTraces(dir)).toEqual(noTraces)
  })

  it('rejects wrong arguments', async () => {
    await expect(runCommand(runCli('up', '--hosts', 'many'), { env: env() })).rejects.toThrow('--hosts many')
  })
})
