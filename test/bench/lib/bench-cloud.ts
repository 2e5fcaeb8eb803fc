// A cloud for benchmarks: hosts with real libvirtd, and controller and agent built as for their container images.
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
import { createScratchDirectory } from '../../rig/scratch.ts'
import { builtProgram, leanEnv } from '../../scale/scale-cloud.ts'

const exec = promisify(execFile)
export const quickstartFolder = join(import.meta.dirname, '../../../examples/quickstart')
/** libvirt's VIR_DOMAIN_EVENT_STARTED. */
const EVENT_STARTED = 2

export interface BenchCloud extends AsyncDisposable {
  cloud: Cloud
  dir: string
  kubectl(...args: string[]): Promise<string>
  /** By domain name; values of performance.now(). */
  startTimes: Map<string, number>
}

export async function startBenchCloud(hosts: number): Promise<BenchCloud> {
  const dir = createScratchDirectory()
  await using closing = new AsyncDisposableStack()
  const dist = join(dir, 'dist')
  await buildPrograms(dist)
  const asImage = (name: 'agent' | 'controller') => ({ file: builtProgram(dist).main(name), env: leanEnv })
  const programs = { agent: asImage('agent'), controller: asImage('controller') }
  const cloud = closing.use(await startCloud({ dir, hosts, audit: true, owned: true, programs }))
  const { kubectl: program } = await ensureBinaries(['kubectl'])
  const env = { ...process.env, KUBECONFIG: cloud.kubeconfig }
  const kubectl = async (...args: string[]) => (await exec(program, args, { env, maxBuffer: 64 * 1024 ** 2 })).stdout
  const image = await ensureGuestImage()
  const startTimes = new Map<string, number>()
  for (const host of cloud.hosts.values()) {
    const images = join(host.home, 'var/lib/kubenova/images')
    mkdirSync(images, { recursive: true })
    copyFileSync(image.path, join(images, 'guest.qcow2'))
    const libvirt = closing.use(await openConnection(host.uri))
    await libvirt.on(domainEvents.lifecycle, ({ dom, event }) => {
      if (event === EVENT_STARTED) startTimes.set(dom.name, performance.now())
    })
  }
  for (const file of ['flavor', 'image', 'network', 'keypair'])
    await kubectl('apply', '-f', join(quickstartFolder, `${file}.yaml`))
  const owned = closing.move()
  return { cloud, dir, kubectl, startTimes, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

export function writeServerManifest({ dir }: BenchCloud, names: string[]): string {
  const file = join(dir, `${names[0]}.yaml`)
  const spec = '{flavor: tiny, image: {name: guest}, networks: [{name: default}], keyName: demo}'
  const server = (name: string) =>
    `apiVersion: compute.kubenova.io/v1alpha1\nkind: Server\nmetadata: {name: ${name}}\nspec: ${spec}\n`
  writeFileSync(file, names.map(server).join('---\n'))
  return file
}

export const domainOf = ({ startTimes }: BenchCloud, server: string): string | undefined =>
  [...startTimes.keys()].find((domain) => domain.startsWith(`${server}-`))

/**
 * Describes a domain that is to be made as a copy of another domain. runCopies() runs `script`, which creates the disk
 * and starts the new domain.
 */
export interface DomainCopy {
  host: Host
  name: string
  script: string
}

export async function prepareCopy(host: Host, model: string, i: number): Promise<DomainCopy> {
  const name = `raw-${i}`
  const xml = await host.virsh('dumpxml', '--inactive', model)
  const disk = /<source file='([^']*\/disk)'/.exec(xml)?.[1] ?? ''
  const folder = disk.slice(0, -'/disk'.length)
  const copyFolder = join('/var/lib/kubenova', name)
  const info = await host.exec(['qemu-img', 'info', '--force-share', '--output=json', disk])
  const base = (JSON.parse(info) as { 'full-backing-filename': string })['full-backing-filename']
  const digits = String(i).padStart(2, '0')
  const uuid = /<uuid>([^<]*)/.exec(xml)?.[1] ?? ''
  const copy = xml
    // The agent recognizes its domains by the metadata, and would remove the copy as an orphan.
    .replace(/<metadata>[^]*<\/metadata>/, '')
    .replaceAll(folder, copyFolder)
    .replace(/<name>[^<]*/, `<name>${name}`)
    .replaceAll(uuid, `00000000-0000-4000-8000-0000000000${digits}`)
    .replaceAll(/<target dev='tap[^']*'/g, `<target dev='tapraw${digits}'`)
    .replaceAll(/<mac address='[^']*'/g, `<mac address='fa:16:3e:ff:ff:${digits}'`)
    .replaceAll(/socket='[^']*\.vnc'/g, `socket='/run/kubenova/${name}.vnc'`)
  writeFileSync(join(host.home, `${copyFolder}.xml`), copy)
  await host.exec(['mkdir', '-p', copyFolder])
  await host.exec(['cp', `${folder}/disk.config`, copyFolder])
  const script = [
    `qemu-img create -q -f qcow2 -F qcow2 -b ${base} ${copyFolder}/disk 1G`,
    `virsh -q define ${copyFolder}.xml`,
    `virsh -q start ${name}`,
  ].join(' && ')
  return { host, name, script }
}

/** Resolves to the time taken, in ms. */
export async function runCopies(host: Host, copies: DomainCopy[]): Promise<number> {
  const begin = performance.now()
  await host.exec(['sh', '-c', copies.map(({ script }) => script).join(' && ')])
  return performance.now() - begin
}

export async function removeCopy({ host, name }: DomainCopy): Promise<void> {
  await host.virsh('destroy', name)
  await host.virsh('undefine', name)
  rmSync(join(host.home, 'var/lib/kubenova', name), { recursive: true, force: true })
  rmSync(join(host.home, 'var/lib/kubenova', `${name}.xml`))
}

const writeVerbs = ['create', 'update', 'patch', 'delete']
const ownPrograms: readonly string[] = ['kubenova-controller', 'kubenova-agent']

/** @param programs count only the writes of programs with these user agents */
export function countWrites({ cloud }: BenchCloud, programs = ownPrograms): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { verb, userAgent = '', objectRef } of cloud.plane.audit()) {
    if (!programs.includes(userAgent.split('/')[0] ?? '') || !writeVerbs.includes(verb)) continue
    const resource = objectRef?.resource ?? ''
    counts.set(resource, (counts.get(resource) ?? 0) + 1)
  }
  return counts
}

export interface WriteCounts {
  /** Without Events and Leases. */
  total: number
  byResource: string
  events: number
  leases: number
}

/** Events and Leases are kept apart, because they hold no state of the cloud. */
export function diffWrites(before: Map<string, number>, after: Map<string, number>): WriteCounts {
  const increase = (resource: string): number => (after.get(resource) ?? 0) - (before.get(resource) ?? 0)
  const counted = [...after.keys()].filter(
    (resource) => increase(resource) > 0 && !['events', 'leases'].includes(resource),
  )
  return {
    total: counted.reduce((total, resource) => total + increase(resource), 0),
    byResource: counted.map((resource) => `${resource} ${increase(resource)}`).join(', '),
    events: increase('events'),
    leases: increase('leases'),
  }
}
