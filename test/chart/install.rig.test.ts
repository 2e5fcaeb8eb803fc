// There is no kubelet: the test runs the programs of hooks itself, with the account of their Pods, and writes the
// result into the status of their Jobs.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '../rig/process.ts'
import { createScratchDirectory } from '../rig/scratch.ts'
import { withControlPlane } from '../rig/vitest.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { chartFolder, Helm, setFlags, type Values } from './helm.ts'

const root = join(import.meta.dirname, '../..')
const namespace = 'kubenova-system'
const release = ['kubenova', chartFolder, '--namespace', namespace]
const plane = withControlPlane({ controllerManager: true })

let dir: string
let helm: Helm

beforeAll(async () => {
  dir = createScratchDirectory()
  helm = await Helm.create(dir, plane().kubeconfig)
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const install = (values: Values = {}): Promise<string> =>
  helm.run('install', ...release, '--create-namespace', ...setFlags(values))
const upgrade = (values: Values = {}): Promise<string> => helm.run('upgrade', ...release, ...setFlags(values))
const kubectl = (...args: string[]): Promise<string> => plane().kubectl(...args)
const read = async <T>(...args: string[]): Promise<T> => JSON.parse(await kubectl('get', ...args, '-o', 'json')) as T
const namesOf = async (kind: string): Promise<string[]> =>
  (await kubectl('get', kind, '--all-namespaces', '-l', 'app.kubernetes.io/instance=kubenova', '-o', 'name'))
    .split('\n')
    .filter(Boolean)

async function runUninstallGuard(): Promise<string> {
  const kubeconfig = await plane().serviceAccount(namespace, 'kubenova-uninstall-guard')
  const args = ['--namespace', namespace, '-o', 'jsonpath={.spec.template.spec.containers[0].args}']
  const hook = JSON.parse(await kubectl('get', 'job', 'kubenova-uninstall-guard', ...args)) as string[]
  return runCommand([process.execPath, join(root, 'hooks/main.ts'), ...hook], { env: { KUBECONFIG: kubeconfig } }).then(
    () => '',
    (error: Error) => error.message,
  )
}

function jobStatus(succeeded: boolean): object {
  const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
  const types = succeeded ? ['SuccessCriteriaMet', 'Complete'] : ['FailureTarget', 'Failed']
  return {
    startTime: now,
    ...(succeeded ? { completionTime: now } : {}),
    conditions: types.map((type) => ({
      type,
      status: 'True',
      reason: succeeded ? 'CompletionsReached' : 'BackoffLimitExceeded',
      message: 'the Pod has ended',
      lastProbeTime: now,
      lastTransitionTime: now,
    })),
  }
}

/**
 * `refusal`: the message with which the hook refused, or '' if the release is gone. `output`: Helm's output or error.
 */
async function uninstall(): Promise<{ refusal: string; output: string }> {
  const ended = helm.run('uninstall', 'kubenova', '--namespace', namespace).catch((error: Error) => error.message)
  const job = ['job', 'kubenova-uninstall-guard', '--namespace', namespace]
  const isRunning = async (): Promise<boolean> => {
    const text = await kubectl(
      'get',
      ...job,
      '--ignore-not-found',
      '-o',
      'jsonpath={.metadata.uid}{.status.conditions}',
    )
    return text !== '' && !text.includes('[')
  }
  await waitUntil(isRunning, { what: 'the Job of the pre-delete hook' })
  const refusal = await runUninstallGuard()
  const patch = JSON.stringify({ status: jobStatus(refusal === '') })
  await kubectl('patch', ...job, '--subresource=status', '--type=merge', '-p', patch)
  return { refusal, output: await ended }
}

describe('helm install', () => {
  it('is refused when the accounts were applied without Helm', async () => {
    await kubectl('create', 'namespace', namespace)
    await kubectl('apply', '--server-side', '-f', join(root, 'crds/access/agent.yaml'))
    await expect(install()).rejects.toThrow(
      'Kubenova is installed in this cluster without Helm: delete its accounts, roles and policies (crds/access and crds/admission) first; Servers stay',
    )
    await kubectl('delete', '-f', join(root, 'crds/access/agent.yaml'))
  })

  it('is refused with crds.install=false when the cluster has no CustomResourceDefinitions', async () => {
    await expect(install({ 'crds.install': false })).rejects.toThrow(
      'crds.install is false, and this cluster has no CustomResourceDefinition servers.compute.kubenova.io: apply crds/manifests first, or install with crds.install=true',
    )
  })

  it('is refused when the CustomResourceDefinitions were applied without Helm', async () => {
    await kubectl('apply', '--server-side', '-f', join(root, 'crds/manifests'))
    await expect(install()).rejects.toThrow(
      'the CustomResourceDefinitions of Kubenova were installed without Helm: set crds.install=false and apply crds/manifests yourself, or give them to this release first: kubectl annotate crds --selector app.kubernetes.io/part-of=kubenova --overwrite meta.helm.sh/release-name=kubenova meta.helm.sh/release-namespace=kubenova-system && kubectl label crds --selector app.kubernetes.io/part-of=kubenova --overwrite app.kubernetes.io/managed-by=Helm',
    )
  })

  it('is accepted with rbac.create=false when the accounts were applied without Helm, but not twice', async () => {
    const folder = join(root, 'crds/access')
    const files = ['agent', 'controller', 'roles'].flatMap((name) => ['-f', join(folder, `${name}.yaml`)])
    await kubectl('apply', '--server-side', ...files)
    const values = { 'rbac.create': false, 'crds.install': false, 'admission.install': false }
    await install(values)
    const second = helm.run('install', 'second', chartFolder, '--namespace', 'default', ...setFlags(values))
    await expect(second).rejects.toThrow(
      'Kubenova is already installed in this cluster, as release kubenova in namespace kubenova-system: upgrade that one, or uninstall it first',
    )
    await helm.run('uninstall', 'kubenova', '--namespace', namespace, '--no-hooks')
    await kubectl('delete', ...files, '-f', join(root, 'crds/manifests'))
  })

  it('creates everything, and prints the next commands', async () => {
    const notes = await install()
    expect(notes).toContain('kubectl label node NAME compute.kubenova.io/hypervisor=true')
    expect(notes).toContain('helm test kubenova --namespace kubenova-system')
    await kubectl('wait', '--for=condition=Established', 'crd/servers.compute.kubenova.io', '--timeout=60s')
    expect(await namesOf('deployments,daemonsets,poddisruptionbudgets')).toEqual([
      'deployment.apps/kubenova-controller',
      'daemonset.apps/kubenova-agent',
      'poddisruptionbudget.policy/kubenova-controller',
    ])
    expect(await namesOf('validatingadmissionpolicies')).toContain(
      'validatingadmissionpolicy.admissionregistration.k8s.io/kubenova-agent-server',
    )
  })

  it('is refused in another namespace, with the place of the release', async () => {
    const second = helm.run('install', 'second', chartFolder, '--namespace', 'elsewhere', '--create-namespace')
    await expect(second).rejects.toThrow(
      'Kubenova is already installed in this cluster, as release kubenova in namespace kubenova-system: upgrade that one, or uninstall it first',
    )
  })

  it('gives the roles of Kubernetes the rights of the aggregated roles', async () => {
    const verbs = async (role: string): Promise<string[]> => {
      const { rules } = await read<{ rules: { apiGroups?: string[]; resources?: string[]; verbs: string[] }[] }>(
        'clusterrole',
        role,
      )
      const own = rules.filter((r) => r.apiGroups?.includes('compute.kubenova.io') && r.resources?.includes('servers'))
      return [...new Set(own.flatMap((r) => r.verbs))].toSorted()
    }
    await waitUntil(async () => (await verbs('admin')).includes('deletecollection'), {
      what: 'the aggregation of roles',
    })
    expect(await verbs('view')).toEqual(['get', 'list', 'watch'])
    expect(await verbs('edit')).toEqual(['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'])
  })
})

describe('helm upgrade', () => {
  const generations = async (): Promise<number[]> => {
    const { items } = await read<{ items: { metadata: { generation: number } }[] }>(
      'deployments,daemonsets',
      '-n',
      namespace,
    )
    return items.map(({ metadata }) => metadata.generation)
  }

  it('changes no workload when chart and values are the same', async () => {
    const before = await generations()
    await upgrade()
    expect(await generations()).toEqual(before)
  })

  it('brings a CustomResourceDefinition to the state of the chart', async () => {
    const crd = 'servers.compute.kubenova.io'
    await kubectl('patch', 'crd', crd, '--type=merge', '-p', '{"spec":{"names":{"shortNames":["old"]}}}')
    await upgrade()
    const { spec } = await read<{ spec: { names: { shortNames: string[] } } }>('crd', crd)
    expect(spec.names.shortNames).not.toContain('old')
  })

  it('is refused with crds.install=false while Helm would delete the CustomResourceDefinitions', async () => {
    await upgrade({ 'crds.keep': false })
    await expect(upgrade({ 'crds.keep': false, 'crds.install': false })).rejects.toThrow(
      'with crds.install=false Helm would now delete the CustomResourceDefinitions of this release, and so all Servers: first upgrade with crds.install=true and crds.keep=true, then with crds.install=false',
    )
    const before = await namesOf('crds')
    expect(before).toContain('customresourcedefinition.apiextensions.k8s.io/servers.compute.kubenova.io')
    await upgrade({ 'crds.keep': true })
    await upgrade({ 'crds.install': false })
    expect(await namesOf('crds')).toEqual(before)
    await upgrade({ 'crds.install': true })
  })

  it('renders objects that the API server accepts without unknown fields when all values are used', async () => {
    await kubectl('create', 'namespace', 'team-a')
    const text = await helm.template({
      'networkPolicy.enabled': true,
      tenants: [
        {
          namespace: 'team-a',
          reader: [{ kind: 'User', name: 'vera' }],
          member: [{ kind: 'Group', name: 'team-a' }],
          manager: [{ kind: 'ServiceAccount', name: 'robot' }],
        },
      ],
      'agent.imageDir': '/srv/images',
      'apiShim.enabled': true,
      'apiShim.images.enabled': true,
      'apiShim.ingress': { enabled: true, className: 'nginx', host: 'cloud.example.org', tlsSecretName: 'front' },
      'controller.extraVolumes': [{ name: 'more', emptyDir: {} }],
      'controller.extraVolumeMounts': [{ name: 'more', mountPath: '/more' }],
      extraObjects: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'more', namespace } }],
    })
    const file = join(dir, 'all.yaml')
    // Leave out Pods: the API server refuses a Pod whose ServiceAccount does not exist, and a dry run does not create
    // the ServiceAccount.
    const manifests = text.split(/^---$/m).filter((manifest) => !/^kind: Pod$/m.test(manifest))
    writeFileSync(file, manifests.join('---'))
    const output = await kubectl(
      'apply',
      '--server-side',
      '--force-conflicts',
      '--dry-run=server',
      '--validate=strict',
      '-f',
      file,
    )
    for (const object of [
      'networkpolicy.networking.k8s.io/kubenova-test',
      'deployment.apps/kubenova-api-shim',
      'persistentvolumeclaim/kubenova-api-shim-images',
      'ingress.networking.k8s.io/kubenova-api-shim',
    ])
      expect(output).toContain(`${object} serverside-applied (server dry run)`)
  })

  it('prints an address at which clients reach the API shim', async () => {
    const upgradeNotes = (values: Values): Promise<string> =>
      helm.run('upgrade', ...release, '--dry-run=server', ...setFlags({ 'apiShim.enabled': true, ...values }))
    const ingress = { 'apiShim.ingress': { enabled: true, host: 'cloud.example.org', tlsSecretName: 'front' } }
    expect(await upgradeNotes({})).toContain('OS_AUTH_URL=http://127.0.0.1:8774/identity\n')
    expect(await upgradeNotes({ 'apiShim.tls.secretName': 'own' })).toContain(
      'OS_AUTH_URL=https://kubenova-api-shim.kubenova-system.svc:8774/identity\n',
    )
    expect(await upgradeNotes(ingress)).toContain('OS_AUTH_URL=https://cloud.example.org/identity\n')
  })

  it('refuses a tenant whose namespace does not exist, unless extraObjects may create it', async () => {
    const tenants = [{ namespace: 'team-b', member: [{ kind: 'Group', name: 'team-b' }] }]
    await expect(upgrade({ tenants })).rejects.toThrow(
      'tenants: this cluster has no namespace team-b: create it first with `kubectl create namespace team-b`, or remove it from the list',
    )
    const extraObjects = [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team-b' } }]
    await upgrade({ tenants, extraObjects })
    expect(await namesOf('rolebindings')).toContain('rolebinding.rbac.authorization.k8s.io/kubenova-member')
  })

  it('gives the users of a tenant the rights in their namespace, and no others', async () => {
    await upgrade({ tenants: [{ namespace: 'team-a', member: [{ kind: 'Group', name: 'team-a' }] }] })
    const can = (...args: string[]): Promise<string> =>
      kubectl('auth', 'can-i', ...args, '--as=anna', '--as-group=team-a').then(
        () => 'yes',
        () => 'no',
      )
    await waitUntil(async () => (await can('create', 'servers.compute.kubenova.io', '-n', 'team-a')) === 'yes', {
      what: 'the rights of the tenant',
    })
    expect(await can('list', 'flavors.compute.kubenova.io')).toBe('yes')
    expect(await can('create', 'servers.compute.kubenova.io', '-n', 'default')).toBe('no')
    expect(await can('update', 'servers.compute.kubenova.io', '--subresource=status', '-n', 'team-a')).toBe('no')
    expect(await can('patch', 'hypervisors.compute.kubenova.io')).toBe('no')
  })
})

describe('helm uninstall', () => {
  it('is refused while a Server exists, and deletes nothing', async () => {
    await kubectl('apply', '-f', join(root, 'examples/quickstart/server.yaml'))
    const { refusal, output } = await uninstall()
    expect(refusal).toContain('a Server exists (default/web-1), and only the agents can remove guests and disks')
    expect(output).toContain('kubenova-uninstall-guard failed')
    expect(await namesOf('deployments')).toEqual(['deployment.apps/kubenova-controller'])
    expect(await helm.run('status', 'kubenova', '--namespace', namespace)).toContain('NAME: kubenova')
  })

  it('that was refused can be undone with the command of the refusal', async () => {
    const { refusal } = await uninstall()
    await expect(upgrade({ 'controller.replicas': 3 })).rejects.toThrow('has no deployed releases')
    const [, command = ''] = /keep Kubenova \(helm (.*)\)/.exec(refusal) ?? []
    await helm.run(...command.split(' '))
    await upgrade({ 'controller.replicas': 3 })
    const replicas = ['--namespace', namespace, '-o', 'jsonpath={.spec.replicas}']
    expect(await kubectl('get', 'deployment', 'kubenova-controller', ...replicas)).toBe('3')
  })

  it('keeps the CustomResourceDefinitions, and so the other objects', async () => {
    await kubectl('apply', '-f', join(root, 'examples/quickstart/network.yaml'))
    await kubectl('delete', 'server', 'web-1', '--wait=false')
    await kubectl('patch', 'server', 'web-1', '--type=merge', '-p', '{"metadata":{"finalizers":null}}')
    const { refusal, output } = await uninstall()
    expect(refusal).toBe('')
    expect(output).toContain('release "kubenova" uninstalled')
    expect(await namesOf('deployments,daemonsets,clusterroles,validatingadmissionpolicies')).toEqual([])
    expect(await kubectl('get', 'networks', '-o', 'name')).toBe('network.compute.kubenova.io/default\n')
  })

  it('is followed by a refusal to install under another name, with the name that the kept definitions have', async () => {
    const other = helm.run('install', 'other', chartFolder, '--namespace', namespace)
    await expect(other).rejects.toThrow(
      'the CustomResourceDefinitions of Kubenova belong to release kubenova in namespace kubenova-system: ',
    )
  })

  it('can be followed by an installation that takes over what was kept', async () => {
    await install()
    expect(await kubectl('get', 'networks', '-o', 'name')).toBe('network.compute.kubenova.io/default\n')
  })

  it('deletes the CustomResourceDefinitions when crds.keep is false', async () => {
    await upgrade({ 'crds.keep': false })
    const { output } = await uninstall()
    expect(output).toContain('release "kubenova" uninstalled')
    await waitUntil(async () => (await namesOf('crds')).length === 0, { what: 'the end of the definitions' })
  })
})
