// The command line with which the Makefile starts and ends a cloud on this machine: setup | up [--hosts N] | down. The
// environment variable CLOUD_DIR is the cloud's directory; default .cloud.
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureBinaries } from './binaries.ts'
import { startCloud, stopCloud } from './cloud.ts'
import { ensureGuestImage } from './guest.ts'
import { placeGuestImage } from './place-image.ts'
import { ensurePromtool } from './promtool.ts'

const dir = resolve(process.env['CLOUD_DIR'] || join(import.meta.dirname, '../../.cloud'))
const quickstart = join(import.meta.dirname, '../../examples/quickstart')
const log = (line: string) => console.error(line)

const commands: Record<string, () => Promise<void>> = {
  /** Downloads or builds the binaries and the guest image in advance, so that no test has to wait for them. */
  async setup() {
    await ensureBinaries(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl', 'helm'], { log })
    await ensurePromtool()
    await ensureGuestImage(log)
  },

  async up() {
    const started = performance.now()
    const cloud = await startCloud({ dir, hosts: hostCount(), shim: true, log, ...existingCluster() })
    await placeGuestImage(cloud.hosts.values(), log)
    const { kubectl } = await ensureBinaries(['kubectl'])
    log(`ready after ${((performance.now() - started) / 1000).toFixed(1)} s; try:`)
    console.log(`export KUBECONFIG=${relative(process.cwd(), cloud.kubeconfig)}`)
    console.log(`${kubectl} get hypervisors`)
    console.log(`${kubectl} apply --server-side -f ${relative(process.cwd(), quickstart)}`)
    console.log(`export OS_CLIENT_CONFIG_FILE=${relative(process.cwd(), join(dir, 'clouds.yaml'))} OS_CLOUD=kubenova`)
    console.log('openstack flavor list')
    await cloud.plane.api.close()
  },

  async down() {
    await stopCloud(dir)
  },
}

/**
 * `make up KUBECONFIG=FILE` passes FILE in the environment variable CLUSTER_KUBECONFIG; the cloud then uses the cluster
 * of FILE. The environment variable KUBECONFIG is ignored, because it may name an important cluster.
 */
function existingCluster(): { kubeconfig?: string } {
  const kubeconfig = process.env['CLUSTER_KUBECONFIG']
  return kubeconfig ? { kubeconfig: resolve(kubeconfig) } : {}
}

function hostCount(): number {
  const { values } = parseArgs({ args: process.argv.slice(3), options: { hosts: { type: 'string', default: '1' } } })
  const count = Number(values.hosts)
  if (!Number.isInteger(count) || count < 1 || count > 200) throw new Error(`--hosts ${values.hosts}: 1 to 200`)
  return count
}

const command = commands[process.argv[2] ?? '']
if (!command) {
  log(`usage: cli.ts ${Object.keys(commands).join(' | ')}`)
  process.exit(2)
}
await command()
