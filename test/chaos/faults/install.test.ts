// Tests what an administrator reads when the chart is installed and a node or the cluster lacks something. The only
// node has a real kubelet. docs/guide/install.md has the same faults in a table.
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Hypervisor } from '../../../crds/index.ts'
import { ensureImages } from '../../../hack/images/ensure.ts'
import { chartFolder, Helm } from '../../chart/helm.ts'
import { conditionOf } from '../../e2e/user.ts'
import { inNamespace, installChart } from '../../rig/install-chart.ts'
import { startPodCloud } from '../../rig/pod-cloud.ts'
import { withRigPart } from '../../rig/vitest.ts'
import { waitUntil } from '../../rig/wait-until.ts'

const manifests = join(import.meta.dirname, '../../../crds/manifests')
const STATE = '/var/lib/kubenova'
const agentPods = ['--selector=app.kubernetes.io/component=agent']

const cloud = withRigPart(async (dir) => {
  const images = await ensureImages(console.error)
  return startPodCloud({ dir, hosts: 1, images, owned: true, log: console.error })
})
let helm: Helm

beforeAll(async () => {
  helm = await Helm.create(cloud().dir, cloud().plane.kubeconfig)
})

const kubectl = (...args: string[]): Promise<string> => cloud().plane.kubectl(...args)
const inHost = (script: string): Promise<string> => host().exec(['bash', '-ec', script])

function host() {
  const found = cloud().hosts.get('h1')
  if (!found) throw new Error('the cloud has no host h1')
  return found
}

/** Waits until the Hypervisor has the condition Ready with this reason. Returns its message. */
function waitForReason(reason: string): Promise<string | undefined> {
  const read = async (): Promise<string | undefined> => {
    const text = await kubectl('get', 'hypervisor', 'h1', '-o', 'json')
    const ready = conditionOf(JSON.parse(text) as Hypervisor, 'Ready')
    return ready?.reason === reason ? ready.message : undefined
  }
  return waitUntil(read, { what: `the Hypervisor to report ${reason}`, deadline: 120_000 })
}

async function restartLibvirtd(): Promise<void> {
  await host().killLibvirtd()
  await host().startLibvirtd()
}

const removeAgentPod = (): Promise<string> => kubectl(...inNamespace, 'delete', 'pods', ...agentPods)

/** Waits until the agent has exited, and returns the message that `kubectl describe pod` shows. */
function waitForTerminationMessage(): Promise<string> {
  const path = 'jsonpath={.items[*].status.containerStatuses[*].lastState.terminated.message}'
  const read = async (): Promise<string | undefined> =>
    (await kubectl(...inNamespace, 'get', 'pods', ...agentPods, '-o', path)) || undefined
  return waitUntil(read, { what: 'the agent to exit', deadline: 60_000 })
}

/** Waits until the log of a component has a line with this text. */
const waitForLog = (component: string, text: string): Promise<unknown> =>
  waitUntil(
    async () =>
      (await kubectl(...inNamespace, 'logs', `--selector=app.kubernetes.io/component=${component}`)).includes(text),
    { what: `a log line of the ${component} with: ${text}`, deadline: 60_000 },
  )

it('helm test tells how to label a node when no Hypervisor exists', async () => {
  const set = '--set=test.timeoutSeconds=10'
  await helm.run('install', 'kubenova', chartFolder, ...inNamespace, '--create-namespace', '--wait', set)
  await expect(helm.run('test', 'kubenova', ...inNamespace)).rejects.toThrow('pod kubenova-test failed')
  expect(await kubectl(...inNamespace, 'logs', 'kubenova-test')).toContain(
    'no Hypervisor exists: label a node (kubectl label node NAME compute.kubenova.io/hypervisor=true), and see that its agent runs (kubectl get pods --namespace kubenova-system)',
  )
})

describe('the Hypervisor reports a node', () => {
  it('without libvirt, and is Ready when libvirt is there', async () => {
    await host().killLibvirtd()
    await inHost('rm -f /run/libvirt/libvirt-sock*')
    await kubectl('label', 'node', 'h1', 'compute.kubenova.io/hypervisor=true')
    await waitUntil(async () => (await kubectl('get', 'hypervisors', '-o', 'name')) !== '', { what: 'the Hypervisor' })
    expect(await waitForReason('LibvirtUnreachable')).toBe(
      'libvirt does not answer (unix:/run/libvirt/virtqemud-sock|/run/libvirt/libvirt-sock: connect ENOENT /run/libvirt/libvirt-sock); running guests continue, and no server is placed here until it answers: install libvirt and QEMU on the host, and check that libvirtd runs',
    )
    await host().startLibvirtd()
    expect(await waitForReason('Connected')).toMatch(/^libvirt answers/)
  })

  it('without QEMU, and is Ready when QEMU is there', async () => {
    await inHost('for f in /usr/bin/qemu-system-*; do mount --bind /dev/null $f; done; rm -rf /var/cache/libvirt/qemu')
    await restartLibvirtd()
    expect(await waitForReason('EmulatorMissing')).toBe(
      'libvirt finds no QEMU for x86_64 on this host: install QEMU for x86_64, then restart libvirtd',
    )
    await inHost('for f in /usr/bin/qemu-system-*; do umount $f; done; rm -rf /var/cache/libvirt/qemu')
    await restartLibvirtd()
    await waitForReason('Connected')
  })

  it('without /dev/kvm, where guests are emulated unless KVM is demanded', async () => {
    await inHost('mount --bind /dev/null /dev/kvm; rm -rf /var/cache/libvirt/qemu')
    await restartLibvirtd()
    const why =
      'libvirt offers no KVM: load the module kvm_intel or kvm_amd, let QEMU open /dev/kvm, and restart libvirtd'
    await waitUntil(
      async () => (await waitForReason('Connected')) === `libvirt answers; guests are emulated, because ${why}`,
      { what: 'the Hypervisor to report emulation', deadline: 60_000 },
    )
    await installChart(cloud(), helm, '--set=agent.options.domainType=kvm').catch(() => undefined)
    expect(await waitForReason('KvmMissing')).toBe(
      `the option domainType is kvm, but ${why}; or allow emulation with domainType auto`,
    )
    await inHost('umount /dev/kvm; rm -rf /var/cache/libvirt/qemu')
    await restartLibvirtd()
    await installChart(cloud(), helm)
  })
})

describe('the Pod of an agent that cannot start tells', () => {
  it('that its state directory belongs to another cluster', async () => {
    await inHost(
      `cp ${STATE}/identity.json ${STATE}/mine; echo '{"cluster":"other","host":"h1"}' >${STATE}/identity.json`,
    )
    await removeAgentPod()
    expect(await waitForTerminationMessage()).toMatch(
      /^\/var\/lib\/kubenova belongs to cluster other, this is .*: its servers' domains would count as orphans\. Start the agent with the cluster it had; or, /,
    )
    await inHost(`mv ${STATE}/mine ${STATE}/identity.json`)
  })

  it('that the disk is full at its first start', async () => {
    await inHost(`mount -t tmpfs -o size=1m full ${STATE}; head -c 2m /dev/zero >${STATE}/ballast || true`)
    await removeAgentPod()
    expect(await waitForTerminationMessage()).toBe(
      `no space for ${STATE}/identity.json: free some, or make the image cache smaller`,
    )
    await inHost(`umount ${STATE}`)
    await removeAgentPod()
    await waitForReason('Connected')
  })
})

describe('the logs of controller and agent tell', () => {
  it('that roles are missing, and both continue when the roles are there', async () => {
    await kubectl('delete', 'clusterroles', 'kubenova-agent', 'kubenova-controller')
    await kubectl(...inNamespace, 'delete', 'pods', '--all')
    for (const component of ['agent', 'controller'])
      await waitForLog(
        component,
        'the API server denies access: give the account of this program the role for the call',
      )
    await installChart(cloud(), helm, '--force')
  })

  it('that the definitions of kinds are missing, and both start when these are there', async () => {
    await kubectl('annotate', '-f', manifests, 'compute.kubenova.io/allow-deletion=true')
    await kubectl('delete', '-f', manifests)
    await kubectl(...inNamespace, 'delete', 'pods', '--all')
    for (const component of ['agent', 'controller'])
      await waitForLog(component, 'does not exist: apply the definitions before the programs')
    await installChart(cloud(), helm)
  })
})
