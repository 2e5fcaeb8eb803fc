// Tests the API shim as the chart installs it: two Pods behind a Service on a node with a real kubelet. A client lists
// servers while one Pod is killed, and while both are replaced.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { ensureImages } from '../../../hack/images/ensure.ts'
import { Helm } from '../../chart/helm.ts'
import { applyCountingServer } from '../../e2e/guest-traffic.ts'
import { inNamespace, installChart } from '../../rig/install-chart.ts'
import { type OpenStackClients, openstackClients } from '../../rig/openstack-clients.ts'
import { placeGuestImage } from '../../rig/place-image.ts'
import { startPodCloud } from '../../rig/pod-cloud.ts'
import { applyShimUsers, writeClientFiles } from '../../rig/shim.ts'
import { withRigPart } from '../../rig/vitest.ts'
import { waitUntil } from '../../rig/wait-until.ts'

const cloud = withRigPart(async (dir) => {
  const images = await ensureImages(console.error)
  return startPodCloud({ dir, hosts: 1, images, owned: true, log: console.error })
})
let clients: OpenStackClients

const kubectl = (...args: string[]): Promise<string> => cloud().plane.kubectl(...args)
const waitForShim = (): Promise<string> =>
  kubectl(...inNamespace, 'rollout', 'status', 'deployment/kubenova-api-shim', '--timeout=120s')

beforeAll(async () => {
  const { dir, plane, hosts } = cloud()
  await placeGuestImage(hosts.values())
  const helm = await Helm.create(dir, plane.kubeconfig)
  const values = ['apiShim.enabled=true', 'apiShim.service.type=NodePort', 'networkPolicy.enabled=true']
  await installChart(cloud(), helm, ...values.map((value) => `--set=${value}`))
  const users = await applyShimUsers(plane.api, dir, 'kubenova-system')
  const port = await kubectl(
    ...inNamespace,
    'get',
    'service',
    'kubenova-api-shim',
    '-o',
    'jsonpath={.spec.ports[0].nodePort}',
  )
  const address = await kubectl(
    'get',
    'node',
    'h1',
    '-o',
    'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}',
  )
  writeClientFiles(dir, `http://${address}:${port}`, users)
  clients = await openstackClients(dir)
  await applyCountingServer(cloud())
})

/** The requests of a client: how many were answered, the errors after which clients may repeat them, and others. */
interface ClientReport {
  answered: number
  retryable: string[]
  other: string[]
}

/** Lists servers again and again, until a file exists. Counts answers in another file. */
const loopingClient = (stop: string, progress: string): string => `
import json, os, openstack
from keystoneauth1 import exceptions
cloud = openstack.connect()
report = {'answered': 0, 'retryable': [], 'other': []}
while not os.path.exists('${stop}'):
    try:
        names = [server.name for server in cloud.compute.servers()]
        if names != ['web-1']:
            raise Exception(f'wrong servers: {names}')
        report['answered'] += 1
        with open('${progress}', 'w') as file:
            file.write(str(report['answered']))
    except (exceptions.ConnectFailure, exceptions.ServiceUnavailable) as error:
        report['retryable'].append(str(error))
    except openstack.exceptions.HttpException as error:
        report['retryable' if error.status_code == 503 else 'other'].append(str(error))
    except Exception as error:
        report['other'].append(f'{type(error).__name__}: {error}')
print(json.dumps(report))
`

/** Runs `disturb` while a client lists servers. The client gets ten answers before and ten after it. */
async function listServersWhile(disturb: () => Promise<unknown>): Promise<ClientReport> {
  const [stop, progress] = ['stop', 'progress'].map((name) => join(cloud().dir, `${name}-${Date.now()}`)) as [
    string,
    string,
  ]
  const report = clients.python<ClientReport>(loopingClient(stop, progress))
  const countAnswers = (): number => (existsSync(progress) ? Number(readFileSync(progress, 'utf8')) : 0)
  const waitForAnswers = (): Promise<unknown> => {
    const before = countAnswers()
    return waitUntil(() => countAnswers() >= before + 10, { what: 'answers of the shim', deadline: 120_000 })
  }
  try {
    await waitForAnswers()
    await disturb()
    await waitForAnswers()
  } finally {
    writeFileSync(stop, '')
  }
  return report
}

it('openstack server list shows the Servers through the Service', async () => {
  const servers = await clients.openstackJson<{ Name: string; Status: string }[]>('server', 'list')
  expect(servers.map(({ Name, Status }) => [Name, Status])).toEqual([['web-1', 'ACTIVE']])
})

it('a client sees errors at most that it may repeat when one Pod is killed, then the other', async () => {
  const selector = '--selector=app.kubernetes.io/component=api-shim'
  const report = await listServersWhile(async () => {
    // The client has a connection to one of the two.
    const pods = (await kubectl(...inNamespace, 'get', 'pods', '-o', 'name', selector)).split('\n').filter(Boolean)
    expect(pods).toHaveLength(2)
    for (const pod of pods) {
      await kubectl(...inNamespace, 'delete', pod, '--grace-period=0', '--force')
      await waitForShim()
    }
  })
  console.log('both Pods killed:', report)
  expect(report.other).toEqual([])
})

it('a client sees no error when all Pods are replaced', async () => {
  const report = await listServersWhile(async () => {
    await kubectl(...inNamespace, 'rollout', 'restart', 'deployment/kubenova-api-shim')
    await waitForShim()
  })
  console.log('all Pods replaced:', report)
  expect(report).toMatchObject({ retryable: [], other: [] })
})
