import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse, parseAllDocuments, parseDocument } from 'yaml'
import { AgentOptions } from '../../agent/options.ts'
import { ShimOptions } from '../../api-shim/options.ts'
import { ControllerOptions } from '../../controller/options.ts'
import { listValues } from '../../hack/generate/chart/readme.ts'
import { parseOptions } from '../../kube/options.ts'
import { DEFAULT_DRAIN_MS } from '../../kube/process.ts'
import about from '../../package.json' with { type: 'json' }
import { createScratchDirectory } from '../rig/scratch.ts'
import { chartFolder, Helm, type Values } from './helm.ts'

const readTestdata = (name: string): unknown => parse(readFileSync(join(import.meta.dirname, 'testdata', name), 'utf8'))

interface Manifest {
  kind: string
  metadata: { name: string; namespace?: string; labels: Record<string, string>; annotations?: Record<string, string> }
  spec: unknown
}
interface Workload {
  spec: { template: { spec: { containers: { args: string[] }[] } } }
}

const readManifests = (text: string): Manifest[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null)

let dir: string
let helm: Helm
let rendered: string

beforeAll(async () => {
  dir = createScratchDirectory()
  helm = await Helm.create(dir)
  rendered = await helm.template()
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

it('helm lint finds nothing', async () => {
  expect(await helm.run('lint', '--strict', '--kube-version', '1.36.3', chartFolder)).toContain('0 chart(s) failed')
})

it('the chart has the version of the programs', () => {
  const chart = parse(readFileSync(join(chartFolder, 'Chart.yaml'), 'utf8')) as Record<string, unknown>
  expect(chart).toMatchObject({ version: about.version, appVersion: about.version })
})

describe('the rendered manifests', () => {
  it('are those of the snapshot', async () => {
    const without = { 'crds.install': false, 'rbac.create': false, 'admission.install': false }
    const text = await helm.template({ ...without, 'apiShim.enabled': true, 'apiShim.images.enabled': true })
    const version = about.version.replaceAll('.', '\\.')
    const anyVersion = text.replaceAll(new RegExp(`(?<![\\d.])${version}(?![\\d.])`, 'g'), 'VERSION')
    await expect(anyVersion).toMatchFileSnapshot('testdata/rendered.yaml')
  })

  it('contain everything in crds/', async () => {
    const sources = globSync(join(import.meta.dirname, '../../crds/{manifests,admission,access}/*.yaml'))
    const expected = sources.flatMap((file) => readManifests(readFileSync(file, 'utf8')))
    expect(expected.length).toBeGreaterThan(40)
    const all = await helm.template({ 'apiShim.enabled': true })
    const found = new Map(readManifests(all).map((m) => [`${m.kind} ${m.metadata.name}`, m]))
    for (const manifest of expected) {
      const { metadata, ...rest } = manifest
      const actual = found.get(`${manifest.kind} ${metadata.name}`)
      expect(actual).toMatchObject(rest)
      expect(actual?.metadata).toMatchObject(metadata)
    }
  })

  it('give nobody the right to impersonate users unless the API shim is enabled', async () => {
    expect(rendered).not.toContain('impersonate')
    expect(await helm.template({ 'apiShim.enabled': true })).toContain('impersonate')
  })

  it('name only the namespace of the release', async () => {
    const text = await helm.run('template', 'other', chartFolder, '--namespace', 'vms', '--kube-version', '1.36.3')
    expect(text).not.toContain('kubenova-system')
    expect(text).toContain("request.userInfo.username == 'system:serviceaccount:vms:kubenova-agent'")
  })
})

describe('each value', () => {
  interface Case {
    set: unknown
    with?: Values
    shows?: string
    hides?: string
  }
  const cases = readTestdata('values.yaml') as Record<string, Case>
  const isOption = (path: string): boolean => path.includes('.options.')

  it('has a case in testdata/values.yaml', () => {
    const paths = listValues().map(({ path }) => path)
    expect(Object.keys(cases).toSorted()).toEqual(paths.filter((path) => !isOption(path)).toSorted())
  })

  it('is described', () => {
    expect(listValues().filter(({ description }) => description.length < 10)).toEqual([])
  })

  it.each(Object.entries(cases))(
    '%s changes what is rendered',
    async (path, { set, with: needed = {}, shows, hides }) => {
      const before = Object.keys(needed).length === 0 ? rendered : await helm.template(needed)
      const after = await helm.template({ ...needed, [path]: set })
      if (shows !== undefined) {
        expect(before).not.toContain(shows)
        expect(after).toContain(shows)
      }
      if (hides !== undefined) {
        expect(before).toContain(hides)
        expect(after).not.toContain(hides)
      }
      expect(shows ?? hides).toBeDefined()
    },
  )
})

describe("the API shim's address", () => {
  const ingress = { 'apiShim.enabled': true, 'apiShim.ingress.enabled': true }
  const tls = { ...ingress, 'apiShim.ingress.tlsSecretName': 'front' }
  const host = { 'apiShim.ingress.host': 'cloud.example.org' }

  it.each<[string, Values, string[]]>([
    ['is that of an Ingress with TLS', { ...tls, ...host }, ['--public-url=https://cloud.example.org']],
    [
      'is the option publicUrl when it is set',
      { ...tls, ...host, 'apiShim.options.publicUrl': 'https://a.example.org' },
      ['--public-url=https://a.example.org'],
    ],
    ['is open when the Ingress has no TLS', { ...ingress, ...host }, []],
    ['is open when the Ingress is for every host name', tls, []],
    ['is open when the Ingress is for a pattern', { ...tls, 'apiShim.ingress.host': '*.example.org' }, []],
    ['is open when the shim trusts the proxy', { ...tls, ...host, 'apiShim.options.trustProxy': true }, []],
  ])('%s', async (_, values, expected) => {
    const shim = readManifests(await helm.template(values)).find(
      ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'kubenova-api-shim',
    ) as unknown as Workload
    const { args } = shim.spec.template.spec.containers[0]!
    expect(args.filter((arg) => arg.startsWith('--public-url'))).toEqual(expected)
  })
})

it("a Pod's grace period is longer than its preStop hook and the program's time to stop", async () => {
  interface PodSpec {
    terminationGracePeriodSeconds: number
    containers: { lifecycle?: { preStop: { sleep: { seconds: number } } } }[]
  }
  const workloads = readManifests(await helm.template({ 'apiShim.enabled': true })).flatMap(
    ({ kind, metadata, spec }) =>
      /^(Deployment|DaemonSet)$/.test(kind)
        ? [{ name: metadata.name, pod: (spec as { template: { spec: PodSpec } }).template.spec }]
        : [],
  )
  const spare = workloads.map(({ name, pod }) => {
    const preStop = pod.containers[0]?.lifecycle?.preStop.sleep.seconds ?? 0
    return [name, pod.terminationGracePeriodSeconds - preStop - DEFAULT_DRAIN_MS / 1000]
  })
  expect(Object.fromEntries(spare)).toEqual({
    'kubenova-agent': 5,
    'kubenova-api-shim': 5,
    'kubenova-controller': 5,
  })
})

describe('the options of a program', () => {
  interface OptionSchema {
    type?: string
    enum?: readonly string[]
    minimum?: number
    default?: unknown
  }
  const formed: Record<string, string> = {
    imageProxy: 'http://proxy.example.org:3128',
    imageUrl: 'http://10.96.0.20:8774',
    libvirtUri: 'qemu+tcp://h1/system',
    noAuthNamespace: 'team-a',
    publicUrl: 'https://cloud.example.org/nova',
  }
  const anotherValue = ({ type, enum: choices, minimum = 0, default: standard }: OptionSchema): unknown => {
    if (choices) return choices.find((choice) => choice !== standard)
    if (type === 'boolean') return standard !== true
    if (type === 'integer') return standard === minimum + 2 ? minimum + 3 : minimum + 2
    return '/another/value'
  }

  it.each([
    ['controller', 'kubenova-controller', ControllerOptions],
    ['agent', 'kubenova-agent', AgentOptions],
    ['apiShim', 'kubenova-api-shim', ShimOptions],
  ] as const)('reach the %s by its own flags', async (program, workloadName, schema) => {
    const prefix = `${program}.options.`
    const names = listValues().flatMap(({ path }) => (path.startsWith(prefix) ? [path.slice(prefix.length)] : []))
    expect(names.length).toBeGreaterThan(5)
    const properties = schema.properties as unknown as Record<string, OptionSchema>
    const options = Object.fromEntries(
      names.map((name) => [name, formed[name] ?? anotherValue(properties[name] ?? {})]),
    )
    const manifests = readManifests(await helm.template({ [`${program}.options`]: options, 'apiShim.enabled': true }))
    const isWorkload = ({ kind, metadata }: Manifest): boolean =>
      /^(Deployment|DaemonSet)$/.test(kind) && metadata.name === workloadName
    const workload = manifests.find(isWorkload) as unknown as Workload
    const { args } = workload.spec.template.spec.containers[0]!
    expect(parseOptions(schema, { args, env: {}, prefix: 'KUBENOVA' })).toMatchObject(options)
  })
})

describe("the agent's Pod", () => {
  interface Volume {
    name: string
    hostPath?: { path: string; type: string }
  }
  interface PodSpec {
    containers: { volumeMounts: { name: string; mountPath: string; mountPropagation?: string }[] }[]
    volumes: Volume[]
  }

  /** Returns the volumes for disks with their mounts, each as `path type propagation`. */
  async function diskMountsWith(values: Values): Promise<string[]> {
    const agent = readManifests(await helm.template(values)).find(({ kind }) => kind === 'DaemonSet')
    const { containers, volumes } = (agent as unknown as { spec: { template: { spec: PodSpec } } }).spec.template.spec
    return volumes.flatMap(({ name, hostPath }) => {
      if (!name.startsWith('disks-')) return []
      const mount = containers[0]?.volumeMounts.find((candidate) => candidate.name === name)
      expect(mount?.mountPath).toBe(hostPath?.path)
      return [`${hostPath?.path} ${hostPath?.type} ${mount?.mountPropagation}`]
    })
  }

  it("mounts the directory that is the default of the agent's option diskDirs", async () => {
    expect(AgentOptions.properties.diskDirs).toMatchObject({ default: '/var/lib/libvirt/images' })
    expect(await diskMountsWith({})).toEqual(['/var/lib/libvirt/images DirectoryOrCreate HostToContainer'])
  })

  it.each([
    ['each directory once', '/backup, /var/lib/libvirt/images,/backup/', ['/backup', '/var/lib/libvirt/images']],
    ['/dev for directories below it', '/dev/vg0,/dev/vg1', ['/dev']],
    ['no directory that the Pod has already', '/var/lib/kubenova/more,/run/libvirt,/mine', []],
    ['no directory when there is none', '', []],
  ])('mounts %s', async (_, diskDirs, expected) => {
    const extra = { 'agent.extraVolumeMounts': [{ name: 'mine', mountPath: '/mine' }] }
    const mounts = await diskMountsWith({ ...extra, 'agent.options.diskDirs': diskDirs })
    expect(mounts.map((mount) => mount.split(' ')[0])).toEqual(expected)
    for (const mount of mounts.filter((candidate) => !candidate.startsWith('/var/lib/libvirt/images ')))
      expect(mount).toMatch(/ Directory HostToContainer$/)
  })
})

it('with the values of an earlier chart, as by --reuse-values, values that it did not have count as their defaults', async () => {
  const added = [['apiShim', 'identity']]
  const chart = join(dir, 'chart')
  cpSync(chartFolder, chart, { recursive: true })
  const values = parseDocument(readFileSync(join(chart, 'values.yaml'), 'utf8'))
  for (const path of added) expect(values.deleteIn(path)).toBe(true)
  writeFileSync(join(chart, 'values.yaml'), String(values))
  const enabled = { 'apiShim.enabled': true }
  expect(await helm.template(enabled, chart)).toBe(await helm.template(enabled))
})

it('rbac.create=false leaves the policies for users', async () => {
  const names = readManifests(await helm.template({ 'rbac.create': false })).map(({ metadata }) => metadata.name)
  expect(names).toContain('kubenova-user-status')
  expect(names).toContain('kubenova-user-provider')
  expect(names).not.toContain('kubenova-member')
})

describe('the chart refuses', () => {
  const cases = readTestdata('bad-values.yaml') as { set: Values; message: string }[]
  it.each(cases.map(({ set, message }) => [JSON.stringify(set), set, message] as const))(
    '%s',
    async (_, set, message) => {
      await expect(helm.template(set)).rejects.toThrow(message)
    },
  )
})
