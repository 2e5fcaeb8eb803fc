// A cloud to measure on, with our programs as images run them: the quickstart's catalogue, when each domain started, the same domains made by a shell with virsh, and who wrote what.
import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { domainEvents, openConnection } from '../../../agent/libvirt/index.ts'
import { buildPrograms } from '../../../hack/build.ts'
import { ensureBinaries } from '../../rig/binaries.ts'
import { type Cloud, startCloud } from '../../rig/cloud.ts'
import { ensureGuestImage } from '../../rig/guest.ts'
import type { Host } from '../../rig/host.ts'
import { scratchDirectory } from '../../rig/scratch.ts'
import { built, leanEnv } from '../../scale/stage.ts'

const exec = promisify(execFile)
export const quickstart = join(import.meta.dirname, '../../../examples/quickstart')
/** VIR_DOMAIN_EVENT_STARTED */
const STARTED = 2

export interface BenchCloud extends AsyncDisposable {
  cloud: Cloud
  dir: string
  kubectl(...args: string[]): Promise<string>
  /** Domains that have started, and when (performance.now()). */
  started: Map<string, number>
}

export async function benchCloud(hosts: number): Promise<BenchCloud> {
  const dir = scratchDirectory()
  await using closing = new AsyncDisposableStack()
  const dist = join(dir, 'dist')
  await buildPrograms(dist)
  const asImage = (name: 'agent' | 'controller') => ({ file: built(dist).main(name), env: leanEnv })
  const programs = { agent: asImage('agent'), controller: asImage('controller') }
  const cloud = closing.use(await startCloud({ dir, hosts, audit: true, owned: true, programs }))
  const { kubectl: program } = await ensureBinaries(['kubectl'])
  const env = { ...process.env, KUBECONFIG: cloud.kubeconfig }
  const kubectl = async (...args: string[]) => (await exec(program, args, { env, maxBuffer: 64 * 1024 ** 2 })).stdout
  const image = await ensureGuestImage()
  const started = new Map<string, number>()
  for (const host of cloud.hosts.values()) {
    const images = join(host.home, 'var/lib/kubenova/images')
    mkdirSync(images, { recursive: true })
    copyFileSync(image.path, join(images, 'guest.qcow2'))
    const libvirt = closing.use(await openConnection(host.uri))
    await libvirt.on(domainEvents.lifecycle, ({ dom, event }) => {
      if (event === STARTED) started.set(dom.name, performance.now())
    })
  }
  for (const file of ['flavor', 'image', 'network', 'keypair'])
    await kubectl('apply', '-f', join(quickstart, `${file}.yaml`))
  const owned = closing.move()
  return { cloud, dir, kubectl, started, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** A file with these servers. */
export function manifest({ dir }: BenchCloud, names: string[]): string {
  const file = join(dir, `${names[0]}.yaml`)
  const spec = '{flavor: tiny, image: {name: guest}, networks: [{name: default}], keyName: demo}'
  const server = (name: string) =>
    `apiVersion: compute.kubenova.io/v1alpha1\nkind: Server\nmetadata: {name: ${name}}\nspec: ${spec}\n`
  writeFileSync(file, names.map(server).join('---\n'))
  return file
}

export const domainOf = ({ started }: BenchCloud, server: string): string | undefined =>
  [...started.keys()].find((domain) => domain.startsWith(`${server}-`))

/** What a shell needs to make a copy of a domain: see {@link byHand}. */
export interface Copy {
  host: Host
  name: string
  script: string
}

/** Prepares a copy of the domain `like`, which is there on `host`: its XML under another name, with disks and addresses of its own. */
export async function prepareCopy(host: Host, like: string, i: number): Promise<Copy> {
  const name = `raw-${i}`
  const xml = await host.virsh('dumpxml', '--inactive', like)
  const disk = /<source file='([^']*\/disk)'/.exec(xml)?.[1] ?? ''
  const folder = disk.slice(0, -'/disk'.length)
  const own = join('/var/lib/kubenova', name)
  const info = await host.exec(['qemu-img', 'info', '--force-share', '--output=json', disk])
  const base = (JSON.parse(info) as { 'full-backing-filename': string })['full-backing-filename']
  const digits = String(i).padStart(2, '0')
  const uuid = /<uuid>([^<]*)/.exec(xml)?.[1] ?? ''
  const copy = xml
    // It says whose domain it is: the agent would take away one that nobody owns.
    .replace(/<metadata>[^]*<\/metadata>/, '')
    .replaceAll(folder, own)
    .replace(/<name>[^<]*/, `<name>${name}`)
    .replaceAll(uuid, `00000000-0000-4000-8000-0000000000${digits}`)
    .replaceAll(/<target dev='tap[^']*'/g, `<target dev='tapraw${digits}'`)
    .replaceAll(/<mac address='[^']*'/g, `<mac address='fa:16:3e:ff:ff:${digits}'`)
    .replaceAll(/socket='[^']*\.vnc'/g, `socket='/run/kubenova/${name}.vnc'`)
  writeFileSync(join(host.home, `${own}.xml`), copy)
  await host.exec(['mkdir', '-p', own])
  await host.exec(['cp', `${folder}/disk.config`, own])
  const script = `qemu-img create -q -f qcow2 -F qcow2 -b ${base} ${own}/disk 1G && virsh -q define ${own}.xml && virsh -q start ${name}`
  return { host, name, script }
}

/** Makes the copies, one after the other, by a shell on their host; milliseconds of the shell. */
export async function byHand(host: Host, copies: Copy[]): Promise<number> {
  const begin = performance.now()
  await host.exec(['sh', '-c', copies.map(({ script }) => script).join(' && ')])
  return performance.now() - begin
}

export async function removeCopy({ host, name }: Copy): Promise<void> {
  await host.virsh('destroy', name)
  await host.virsh('undefine', name)
  rmSync(join(host.home, 'var/lib/kubenova', name), { recursive: true, force: true })
  rmSync(join(host.home, 'var/lib/kubenova', `${name}.xml`))
}

const verbs = ['create', 'update', 'patch', 'delete']
const ours: readonly string[] = ['kubenova-controller', 'kubenova-agent']

/** Writes so far by programs of these names (user agents), by resource. */
export function writesOf({ cloud }: BenchCloud, programs = ours): Map<string, number> {
  const found = new Map<string, number>()
  for (const { verb, userAgent = '', objectRef } of cloud.plane.audit()) {
    if (!programs.includes(userAgent.split('/')[0] ?? '') || !verbs.includes(verb)) continue
    const resource = objectRef?.resource ?? ''
    found.set(resource, (found.get(resource) ?? 0) + 1)
  }
  return found
}

export interface Written {
  /** Without events and leases. */
  sum: number
  each: string
  events: number
  leases: number
}

/** The writes between two counts, by resource; events and leases are figures of their own: nobody's state is in them. */
export function between(before: Map<string, number>, after: Map<string, number>): Written {
  const of = (resource: string): number => (after.get(resource) ?? 0) - (before.get(resource) ?? 0)
  const each = [...after.keys()].filter((resource) => of(resource) > 0 && !['events', 'leases'].includes(resource))
  return {
    sum: each.reduce((sum, resource) => sum + of(resource), 0),
    each: each.map((resource) => `${resource} ${of(resource)}`).join(', '),
    events: of('events'),
    leases: of('leases'),
  }
}
