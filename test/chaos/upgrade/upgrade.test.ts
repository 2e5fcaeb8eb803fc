// Tests `helm upgrade` from an earlier chart and its images to the present ones, on two nodes with real kubelets, while
// requests of users are in flight and Pods of controller and agents are killed. The environment variable UPGRADE_FROM
// names the earlier commit.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { API_VERSION, type Server, type ServerAction } from '../../../crds/index.ts'
import { ensureImages } from '../../../hack/images/ensure.ts'
import { chartFolder, Helm } from '../../chart/helm.ts'
import { applyCountingServer, withTraffic } from '../../e2e/guest-traffic.ts'
import { conditionOf } from '../../e2e/user.ts'
import { ensureEarlierVersion } from '../../rig/earlier-version.ts'
import type { Host } from '../../rig/host.ts'
import { inNamespace, installChartFrom } from '../../rig/install-chart.ts'
import { importImagesAs } from '../../rig/kubelet/node.ts'
import { placeGuestImage } from '../../rig/place-image.ts'
import { startPodCloud } from '../../rig/pod-cloud.ts'
import { withRigPart } from '../../rig/vitest.ts'
import { waitUntil } from '../../rig/wait-until.ts'

/** By default the commit whose chart first ran on nodes with kubelets; its agents were privileged. */
const FROM = process.env['UPGRADE_FROM'] || 'd78e5f96'
const DEADLINE = 240_000

const cloud = withRigPart((dir) => startPodCloud({ dir, hosts: 2, images: [], owned: true, log: console.error }))
let helm: Helm

const kubectl = (...args: string[]): Promise<string> => cloud().plane.kubectl(...args)
const list = async <T>(kind: string): Promise<T[]> =>
  (JSON.parse(await kubectl('get', kind, '-o', 'json')) as { items: T[] }).items
const findServer = async (name: string): Promise<Server | undefined> =>
  (await list<Server>('servers')).find(({ metadata }) => metadata.name === name)

async function create(kind: string, metadata: object, spec: object): Promise<void> {
  const file = join(cloud().dir, `${kind}.yaml`)
  writeFileSync(file, stringify({ apiVersion: API_VERSION, kind, metadata, spec }))
  await kubectl('create', '-f', file)
}

const createServer = (name: string): Promise<void> =>
  create('Server', { name }, { flavor: 'tiny', image: { name: 'guest' }, networks: [{ name: 'default' }] })
const rebootServer = (server: string): Promise<void> =>
  create('ServerAction', { generateName: `${server}-` }, { server, action: 'reboot', reboot: { type: 'HARD' } })
const stopServer = (name: string): Promise<string> =>
  kubectl('patch', 'server', name, '--type=merge', '-p', '{"spec":{"powerState":"Stopped"}}')

const waitUntilReady = (...names: string[]): Promise<string> =>
  kubectl('wait', '--for=condition=Ready', ...names.map((name) => `server/${name}`), `--timeout=${DEADLINE / 1000}s`)

function hostOf({ status }: Server): Host {
  const host = cloud().hosts.get(status?.host ?? '')
  if (!host) throw new Error(`the server is on no host: ${JSON.stringify(status)}`)
  return host
}

/** How often libvirt has started QEMU for the guests of all servers, by the server's name. */
async function countQemuStarts(): Promise<Record<string, number>> {
  const servers = await list<Server>('servers')
  const count = (server: Server): number => {
    const log = join(hostOf(server).home, 'var/log/libvirt/qemu', `${server.status?.domain?.name}.log`)
    return readFileSync(log, 'utf8').match(/: starting up libvirt version/g)?.length ?? 0
  }
  return Object.fromEntries(servers.map((server) => [server.metadata.name, count(server)]))
}

/** The ServerActions of a server as `action phase`, oldest first. */
async function actionsOf(server: string): Promise<string[]> {
  const actions = (await list<ServerAction>('serveractions')).filter(({ spec }) => spec.server === server)
  const begin = ({ status, metadata }: ServerAction): string => status?.startTime ?? metadata.creationTimestamp ?? ''
  return actions
    .toSorted((a, b) => begin(a).localeCompare(begin(b)))
    .map(({ spec, status }) => `${spec.action} ${status?.phase}`)
}

/** The Pods to kill, one kill after the other: those of a component, on one node or on all. */
const kills: readonly (readonly [component: string, node?: string])[] = [
  ['controller'],
  ['agent', 'h1'],
  ['agent', 'h2'],
  ['controller'],
  ['agent', 'h1'],
  ['agent', 'h2'],
]

/** Kills Pods as a crash would, and waits until other Pods run in their place, which need not be ready. */
async function killPods([component, node]: (typeof kills)[number]): Promise<void> {
  const selected = [
    `--selector=app.kubernetes.io/component=${component}`,
    ...(node === undefined ? [] : [`--field-selector=spec.nodeName=${node}`]),
  ]
  await kubectl(...inNamespace, 'delete', 'pods', ...selected, '--grace-period=0', '--force')
  const isRunning = async (): Promise<boolean> => {
    const phases = await kubectl(...inNamespace, 'get', 'pods', ...selected, '-o', 'jsonpath={.items[*].status.phase}')
    return phases.includes('Running')
  }
  await waitUntil(isRunning, { what: `another Pod of the ${component}`, deadline: DEADLINE })
}

/** The requests of users before each kill. */
const requests: readonly (() => Promise<unknown>)[] = [
  () => Promise.all([rebootServer('rebooted'), createServer('created')]),
  () => stopServer('stopped'),
  () => kubectl('delete', 'server', 'deleted', '--wait=false'),
  () => createServer('created-later'),
]

beforeAll(async () => {
  const versions = {
    earlier: await ensureEarlierVersion(FROM, console.error),
    present: await ensureImages(console.error),
  }
  for (const host of cloud().hosts.values()) {
    await importImagesAs(host, versions.earlier.images, 'earlier')
    await importImagesAs(host, versions.present, 'present')
  }
  helm = await Helm.create(cloud().dir, cloud().plane.kubeconfig)
  await placeGuestImage(cloud().hosts.values())
  await installChartFrom(versions.earlier.chart, cloud(), helm, '--set=image.tag=earlier')
  await applyCountingServer(cloud())
  const names = ['untouched', 'rebooted', 'stopped', 'deleted']
  for (const name of names) await createServer(name)
  await waitUntilReady(...names)
})

it('an upgrade whose Pods are killed loses no packet of a guest', async () => {
  const server = await findServer('web-1')
  if (!server) throw new Error('the cloud has no server web-1')
  let seconds = 0
  const report = await withTraffic(hostOf(server), server, async () => {
    const begin = performance.now()
    // Helm does not wait, because the kills come before the new Pods are ready.
    await helm.run('upgrade', 'kubenova', chartFolder, ...inNamespace, '--set=image.tag=present')
    for (const [i, kill] of kills.entries()) {
      await requests[i]?.()
      await killPods(kill)
    }
    for (const workload of ['deployment/kubenova-controller', 'daemonset/kubenova-agent'])
      await kubectl(...inNamespace, 'rollout', 'status', workload, '--timeout=110s')
    await waitUntilReady('web-1', 'untouched', 'rebooted', 'stopped', 'created', 'created-later')
    await waitUntil(async () => (await findServer('deleted')) === undefined, {
      what: 'the deletion',
      deadline: DEADLINE,
    })
    seconds = (performance.now() - begin) / 1000
  })
  console.log(`upgraded in ${seconds.toFixed(0)} s with ${kills.length} kills:`, report)
  expect(report).toMatchObject({ pings: { lost: 0 }, tcp: { lost: 0 } })
})

it('all Pods run the present images after the upgrade', async () => {
  const images = await kubectl(...inNamespace, 'get', 'pods', '-o', 'jsonpath={.items[*].spec.containers[*].image}')
  expect([...new Set(images.split(' '))].toSorted()).toEqual([
    'localhost/kubenova-agent:present',
    'localhost/kubenova-controller:present',
  ])
})

it('all requests have ended as they were meant', async () => {
  expect(await actionsOf('rebooted')).toEqual(['create Succeeded', 'reboot Succeeded'])
  expect(await actionsOf('stopped')).toEqual(['create Succeeded', 'stop Succeeded'])
  for (const name of ['web-1', 'untouched', 'created', 'created-later'])
    expect(await actionsOf(name), name).toEqual(['create Succeeded'])
  expect((await findServer('stopped'))?.status?.vmState).toBe('stopped')
  for (const server of await list<Server>('servers'))
    expect(conditionOf(server, 'Ready')?.status, server.metadata.name).toBe('True')
})

it('no guest was started more often than requested', async () => {
  expect(await countQemuStarts()).toEqual({
    'web-1': 1,
    untouched: 1,
    rebooted: 2,
    stopped: 1,
    created: 1,
    'created-later': 1,
  })
})

it('the hosts have the domains of the servers and no others, and DHCP answers on each', async () => {
  const servers = await list<Server>('servers')
  for (const host of cloud().hosts.values()) {
    const own = servers.filter(({ status }) => status?.host === host.name)
    const domains = (await host.virsh('list', '--all', '--name')).split('\n').filter(Boolean)
    expect(new Set(domains)).toEqual(new Set(own.map(({ status }) => status?.domain?.name)))
    await waitUntil(() => host.exec(['pgrep', '--exact', 'dnsmasq']).then(() => true), {
      what: `a DHCP server on ${host.name}`,
      deadline: 30_000,
    })
  }
})
