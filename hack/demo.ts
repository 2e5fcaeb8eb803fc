/** `make demo`: a one-machine cloud, the quickstart applied to it, its server shown running. Again: it finds all of it there. */
import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { ensureBinaries } from '../test/rig/binaries.ts'
import { startCloud } from '../test/rig/cloud.ts'
import { ensureGuestImage, guestPassword } from '../test/rig/guest.ts'
import type { Host } from '../test/rig/host.ts'
import { until } from '../test/rig/until.ts'

const root = join(import.meta.dirname, '..')
const dir = process.env['CLOUD_DIR'] || join(root, '.cloud')
/** `make demo KUBECONFIG=…`: a cluster that is there already. */
const given = process.env['CLUSTER_KUBECONFIG']
const say = (line: string): void => console.log(`\n== ${line}`)
const detail = (line: string): void => console.log(`   ${line}`)

/** examples/quickstart/image.yaml names this file. */
async function placeImage({ home }: Host): Promise<void> {
  const { path, size } = await ensureGuestImage(detail)
  const target = join(home, 'var/lib/kubenova/images/guest.qcow2')
  if (existsSync(target)) return
  mkdirSync(join(target, '..'), { recursive: true })
  copyFileSync(path, `${target}.new`)
  renameSync(`${target}.new`, target)
  detail(`guest.qcow2, ${(size / 1024 ** 2).toFixed(0)} MiB`)
}

const started = performance.now()
say('A cloud on this machine: etcd, kube-apiserver, controller, one host with libvirtd and agent')
const cloud = await startCloud({ dir, hosts: 1, log: detail, ...(given ? { kubeconfig: resolve(given) } : {}) })
const { kubectl } = await ensureBinaries(['kubectl'])
const env = { ...process.env, KUBECONFIG: cloud.kubeconfig }
const run = async (...args: string[]): Promise<string> => (await promisify(execFile)(kubectl, args, { env })).stdout
const show = async (...args: string[]): Promise<void> => {
  console.log(`$ kubectl ${args.join(' ')}`)
  console.log((await run(...args)).trimEnd())
}

say('A small bootable image in the image directory of the host')
await placeImage(cloud.host('h1'))

say('The quickstart: Flavor, Image, Network, KeyPair, Server')
const quickstart = relative(process.cwd(), join(root, 'examples/quickstart'))
await show('apply', '--server-side', '-f', quickstart)
await show('wait', '--for=condition=Ready', 'server/web-1', '--timeout=120s')
await show('get', 'servers', '-o', 'wide')

say('Its console, up to the login prompt')
const log = (await run('get', 'server', 'web-1', '-o', 'jsonpath={.status.console.log}')).trim()
const file = join(cloud.host('h1').home, log)
const text = await until(
  () => {
    const now = existsSync(file) ? readFileSync(file, 'utf8') : ''
    return now.includes('login:') && now
  },
  { what: `a login prompt in ${file}`, deadline: 120_000, every: 100 },
)
console.log(text.trimEnd())

say(`Done in ${((performance.now() - started) / 1000).toFixed(1)} s. To go on:`)
const here = relative(process.cwd(), cloud.kubeconfig)
console.log(`export KUBECONFIG=$PWD/${here}
alias kubectl=${kubectl}
virsh -c "${cloud.host('h1').uri}" console $(kubectl get server web-1 -o jsonpath={.status.domain.name})   # root, password ${guestPassword}; leave with ^]
kubectl describe server web-1
kubectl get hypervisors -o wide
kubectl patch server web-1 --type merge -p '{"spec":{"powerState":"Stopped"}}'
kubectl create -f examples/server-action/reboot.yaml
kubectl get serveractions
kubectl delete server web-1
make down     # stops all of it and leaves nothing`)
await cloud.plane.api.close()
