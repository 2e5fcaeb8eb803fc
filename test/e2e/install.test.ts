/**
 * Tests an installation as docs/guide/install.md describes it, on two nodes with real kubelets. Each test continues
 * where the one before it has ended.
 */
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import type { Server } from '../../crds/index.ts'
import { ensureImages } from '../../hack/images/ensure.ts'
import { Helm } from '../chart/helm.ts'
import { root } from '../manifests.ts'
import type { Host } from '../rig/host.ts'
import { inNamespace, installChart } from '../rig/install-chart.ts'
import { placeGuestImage } from '../rig/place-image.ts'
import { startPodCloud } from '../rig/pod-cloud.ts'
import { withRigPart } from '../rig/vitest.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { applyCountingServer, withTraffic } from './guest-traffic.ts'

const cloud = withRigPart(async (dir) => {
  const images = await ensureImages(console.error)
  return startPodCloud({ dir, hosts: 2, images, owned: true, log: console.error })
})
let helm: Helm

beforeAll(async () => {
  await placeGuestImage(cloud().hosts.values())
  helm = await Helm.create(cloud().dir, cloud().plane.kubeconfig)
})

const kubectl = (...args: string[]): Promise<string> => cloud().plane.kubectl(...args)

async function findGuest(): Promise<{ server: Server; host: Host; qemu: ReturnType<Host['qemuOf']> }> {
  const server = JSON.parse(await kubectl('get', 'server', 'web-1', '-o', 'json')) as Server
  const host = cloud().hosts.get(server.status?.host ?? '')
  if (!host) throw new Error(`web-1 is on no host: ${JSON.stringify(server.status)}`)
  return { server, host, qemu: host.qemuOf(server.status?.domain?.name ?? '') }
}

const hasProcess = (host: Host, name: string): Promise<boolean> =>
  host.exec(['pgrep', '--exact', name]).then(() => true)

const killAgent = (host: string): Promise<string> =>
  kubectl(
    ...inNamespace,
    'delete',
    'pod',
    '--grace-period=0',
    '--force',
    '--selector=app.kubernetes.io/component=agent',
    `--field-selector=spec.nodeName=${host}`,
  )

it('helm install makes each labelled node a Ready Hypervisor that boots Servers', async () => {
  await installChart(cloud(), helm)
  expect(await kubectl('get', 'hypervisors', '-o', 'name')).toBe(
    'hypervisor.compute.kubenova.io/h1\nhypervisor.compute.kubenova.io/h2\n',
  )
  await applyCountingServer(cloud())
  expect((await findGuest()).qemu).toBeDefined()
})

it('a Server gets user data from a Secret, which the controller encrypts and the agent decrypts', async () => {
  const secret = ['--type=compute.kubenova.io/user-data', '--from-literal=user-data=#cloud-config']
  await kubectl('create', 'secret', 'generic', 'web-3-user-data', ...secret)
  await kubectl('apply', '--server-side', '-f', join(root, 'examples/server/user-data-from-secret.yaml'))
  await kubectl('wait', '--for=condition=Ready', 'server/web-3', '--timeout=120s')
  const restarts = ['-o', 'jsonpath={.items[*].status.containerStatuses[*].restartCount}']
  expect((await kubectl('get', 'pods', ...inNamespace, ...restarts)).trim()).toMatch(/^0( 0)*$/)
  await kubectl('delete', 'server/web-3', 'secret/web-3-user-data', '--timeout=120s')
})

it('helm test boots a Server and removes it', async () => {
  const output = await helm.run('test', 'kubenova', ...inNamespace)
  // Four hooks: an account, a role, its binding, and the Pod.
  expect(output.match(/Phase: +Succeeded/g)).toHaveLength(4)
  expect(await kubectl('get', 'servers', '--all-namespaces', '-o', 'name')).toBe('server.compute.kubenova.io/web-1\n')
})

it.each<[string, (host: string) => Promise<unknown>]>([
  ['a restart of all agents', () => kubectl(...inNamespace, 'rollout', 'restart', 'daemonset/kubenova-agent')],
  ['the kill of the Pod of its agent', killAgent],
  ['an upgrade of the chart', () => installChart(cloud(), helm, '--set=agent.options.syncSeconds=59')],
])('%s loses no packet of a guest', async (_, disturb) => {
  const { server, host, qemu } = await findGuest()
  const report = await withTraffic(host, server, async () => {
    await disturb(host.name)
    await kubectl(...inNamespace, 'rollout', 'status', 'daemonset/kubenova-agent', '--timeout=120s')
    await waitUntil(() => hasProcess(host, 'dnsmasq'), { what: 'the DHCP server', deadline: 30_000 })
  })
  expect(report).toMatchObject({ pings: { lost: 0 }, tcp: { lost: 0 } })
  expect((await findGuest()).qemu).toEqual(qemu)
})

it('helm uninstall is refused, with the reason, while a Server exists', async () => {
  await expect(helm.run('uninstall', 'kubenova', ...inNamespace)).rejects.toThrow(
    'job kubenova-uninstall-guard failed: BackoffLimitExceeded',
  )
  expect(await kubectl(...inNamespace, 'logs', 'job/kubenova-uninstall-guard')).toMatch(
    /^a Server exists \(default\/web-1\), and only the agents can remove guests and disks: /,
  )
  expect(await kubectl('get', 'hypervisors', '-o', 'jsonpath={.items[*].status.state}')).toBe('up up')
})

it('a new installation adopts a guest that ran on without Kubenova', async () => {
  const { server, host, qemu } = await findGuest()
  const report = await withTraffic(host, server, async () => {
    await helm.run('uninstall', 'kubenova', ...inNamespace, '--no-hooks', '--wait')
    await installChart(cloud(), helm)
    await kubectl('wait', '--for=condition=Ready', 'server/web-1', '--timeout=90s')
  })
  expect(report).toMatchObject({ pings: { lost: 0 }, tcp: { lost: 0 } })
  expect((await findGuest()).qemu).toEqual(qemu)
  const actions = ['-o', 'jsonpath={.items[?(@.spec.server=="web-1")].spec.action}']
  expect(await kubectl('get', 'serveractions', ...actions)).toBe('create')
})

it('helm uninstall leaves nothing on the hosts when the Servers are deleted', async () => {
  await kubectl('delete', 'servers', '--all', '--all-namespaces')
  await kubectl('delete', 'ports,networks', '--all', '--all-namespaces')
  await helm.run('uninstall', 'kubenova', ...inNamespace, '--wait')
  for (const host of cloud().hosts.values()) {
    expect((await host.virsh('list', '--all', '--name')).trim()).toBe('')
    const links = JSON.parse(await host.exec(['ip', '-j', 'link', 'show'])) as { ifname: string }[]
    expect(links.map(({ ifname }) => ifname).filter((name) => !/^(lo|eth0|cni0|veth.*)$/.test(name))).toEqual([])
    expect(await host.exec(['nft', 'list', 'tables'])).not.toContain('kubenova')
  }
  await waitUntil(async () => (await kubectl(...inNamespace, 'get', 'pods', '-o', 'name')) === '', {
    what: 'the end of all Pods',
  })
  expect(await kubectl('get', 'clusterroles', '-o', 'name')).not.toContain('kubenova')
})
