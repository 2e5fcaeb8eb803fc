// The Makefile's command line to start and end a cloud on this machine: setup | nodes | up [--hosts N] [--kubelet] |
// down. The environment variable CLOUD_DIR is the cloud's directory; default: .cloud.
import { createHash } from 'node:crypto'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { digestOf } from '../../hack/images/build.ts'
import { ensureImages } from '../../hack/images/ensure.ts'
import { Helm } from '../chart/helm.ts'
import { ensureBinaries } from './binaries.ts'
import { startCloud, stopCloud } from './cloud.ts'
import { ensureGuestImage } from './guest.ts'
import { installChart } from './install-chart.ts'
import { prepareNodes } from './kubelet/node.ts'
import { placeGuestImage } from './place-image.ts'
import { startPodCloud } from './pod-cloud.ts'
import { ensurePromtool } from './promtool.ts'

const dir = resolve(process.env['CLOUD_DIR'] || join(import.meta.dirname, '../../.cloud'))
const quickstart = resolve(import.meta.dirname, '../../examples/quickstart')
const log = (line: string) => console.error(line)

const commands: Record<string, () => Promise<void>> = {
  /** Downloads or builds the binaries and the guest image in advance, so that no test has to wait for them. */
  async setup() {
    await ensureBinaries(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl', 'helm'], { log })
    await ensurePromtool()
    await ensureGuestImage(log)
  },

  async nodes() {
    await prepareNodes(log)
    await ensureImages(log)
  },

  async up() {
    const { values } = parseArgs({
      args: process.argv.slice(3),
      options: { hosts: { type: 'string', default: '1' }, kubelet: { type: 'boolean', default: false } },
    })
    const started = performance.now()
    const hosts = parseHostCount(values.hosts)
    await (values.kubelet ? startInstalled(hosts) : startFromSource(hosts))
    log(`ready after ${((performance.now() - started) / 1000).toFixed(1)} s`)
  },

  async down() {
    await stopCloud(dir)
    log(`removed ${dir}`)
  },
}

async function startFromSource(hosts: number): Promise<void> {
  const cloud = await startCloud({ dir, hosts, shim: true, log, ...existingCluster() })
  await placeGuestImage(cloud.hosts.values(), log)
  await printCommands(cloud.kubeconfig)
  console.log(`export OS_CLIENT_CONFIG_FILE=${join(dir, 'clouds.yaml')} OS_CLOUD=kubenova`)
  console.log('openstack flavor list')
  await cloud.plane.api.close()
}

/** The hosts are nodes with kubelets. The Helm chart installs Kubenova there, from images. */
async function startInstalled(hosts: number): Promise<void> {
  if (existingCluster().kubeconfig !== undefined) throw new Error('KUBELET=1 starts a cluster; leave KUBECONFIG out')
  const images = await ensureImages(log)
  const cloud = await startPodCloud({ dir, hosts, images, log })
  await placeGuestImage(cloud.hosts.values(), log)
  const helm = await Helm.create(dir, cloud.plane.kubeconfig)
  // The images keep their tag when the source changes. This annotation makes Kubernetes replace the Pods.
  const built = createHash('sha256')
  for (const image of images) built.update(await digestOf(image))
  const annotation = `podAnnotations.built=${built.digest('hex').slice(0, 12)}`
  const flags = [`--set-string=controller.${annotation}`, `--set-string=agent.${annotation}`]
  await installChart(cloud, helm, '--reset-then-reuse-values', ...flags)
  await printCommands(cloud.plane.kubeconfig)
  console.log(`alias helm=${(await ensureBinaries(['helm'])).helm}`)
  console.log('helm test kubenova --namespace kubenova-system')
  await cloud.plane.api.close()
}

/** Prints commands to try on the cloud. */
async function printCommands(kubeconfig: string): Promise<void> {
  const { kubectl } = await ensureBinaries(['kubectl'])
  console.log(`export KUBECONFIG=${kubeconfig}`)
  console.log(`alias kubectl=${kubectl}`)
  console.log('kubectl get hypervisors')
  console.log(`kubectl apply --server-side -f ${quickstart}`)
}

/**
 * `make up KUBECONFIG=FILE` passes FILE in CLUSTER_KUBECONFIG. The environment variable KUBECONFIG is ignored, because
 * it may name an important cluster.
 */
function existingCluster(): { kubeconfig?: string } {
  const kubeconfig = process.env['CLUSTER_KUBECONFIG']
  return kubeconfig ? { kubeconfig: resolve(kubeconfig) } : {}
}

function parseHostCount(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1 || count > 200) throw new Error(`--hosts ${text}: 1 to 200`)
  return count
}

const command = commands[process.argv[2] ?? '']
if (!command) {
  log(`usage: cli.ts ${Object.keys(commands).join(' | ')}`)
  process.exit(2)
}
await command()
