/**
 * `make demo`: starts a control plane, controller and one host on this machine, or reuses those of an earlier `make
 * demo`. Then applies the quickstart and shows its server running.
 */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { ensureBinaries } from '../test/rig/binaries.ts'
import { startCloud } from '../test/rig/cloud.ts'
import { guestPassword } from '../test/rig/guest.ts'
import { placeGuestImage } from '../test/rig/place-image.ts'
import { waitUntil } from '../test/rig/wait-until.ts'

const root = join(import.meta.dirname, '..')
const dir = resolve(process.env['CLOUD_DIR'] || join(root, '.cloud'))
/** The kubeconfig of an existing cluster, from `make demo KUBECONFIG=…`. If unset, the demo starts a control plane. */
const clusterKubeconfig = process.env['CLUSTER_KUBECONFIG']
const printHeading = (line: string): void => console.log(`\n== ${line}`)
const printDetail = (line: string): void => console.log(`   ${line}`)

const started = performance.now()
printHeading('A cloud on this machine: etcd, kube-apiserver, controller, one host with libvirtd and agent')
const cloud = await startCloud({
  dir,
  hosts: 1,
  log: printDetail,
  ...(clusterKubeconfig ? { kubeconfig: resolve(clusterKubeconfig) } : {}),
})
const { kubectl } = await ensureBinaries(['kubectl'])
const env = { ...process.env, KUBECONFIG: cloud.kubeconfig }
const runKubectl = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)(kubectl, args, { env })).stdout
const printKubectl = async (...args: string[]): Promise<void> => {
  console.log(`$ kubectl ${args.join(' ')}`)
  console.log((await runKubectl(...args)).trimEnd())
}

printHeading('A small bootable image in the image directory of the host')
await placeGuestImage(cloud.hosts.values(), printDetail)

printHeading('The quickstart: Flavor, Image, Network, KeyPair, Server')
const quickstart = relative(process.cwd(), join(root, 'examples/quickstart'))
await printKubectl('apply', '--server-side', '-f', quickstart)
await printKubectl('wait', '--for=condition=Ready', 'server/web-1', '--timeout=120s')
await printKubectl('get', 'servers', '-o', 'wide')

printHeading('The console of the server, up to the login prompt')
const log = (await runKubectl('get', 'server', 'web-1', '-o', 'jsonpath={.status.console.log}')).trim()
const file = join(cloud.host('h1').home, log)
const text = await waitUntil(
  () => {
    const now = existsSync(file) ? readFileSync(file, 'utf8') : ''
    return now.includes('login:') && now
  },
  { what: `a login prompt in ${file}`, deadline: 120_000, every: 100 },
)
console.log(text.trimEnd())

printHeading(`Done in ${((performance.now() - started) / 1000).toFixed(1)} s. To go on:`)
console.log(`export KUBECONFIG=${cloud.kubeconfig}
alias kubectl=${kubectl}
virsh -c "${cloud.host('h1').uri}" console $(kubectl get server web-1 -o jsonpath={.status.domain.name})   # root, password ${guestPassword}; leave with ^]
kubectl describe server web-1
kubectl get hypervisors -o wide
kubectl create -f ${join(root, 'examples/server-action/reboot.yaml')}
kubectl get serveractions
kubectl patch server web-1 --type merge -p '{"spec":{"powerState":"Stopped"}}'
kubectl delete server web-1
make down     # stops all of it and leaves nothing`)
await cloud.plane.api.close()
