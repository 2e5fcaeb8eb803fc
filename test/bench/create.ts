// From `kubectl apply` of a Server to its domain running, beside a shell that makes the same disk and domain with qemu-img and virsh.
// Also how many API writes a create costs, events and leases apart, and how many a steady cloud. Prints `name value unit`.
import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs, promisify } from 'node:util'
import { connect, domainEvents } from '../../agent/libvirt/index.ts'
import { ensureBinaries } from '../rig/binaries.ts'
import { startCloud } from '../rig/cloud.ts'
import { ensureGuestImage } from '../rig/guest.ts'
import { scratchDirectory } from '../rig/scratch.ts'
import { until } from '../rig/until.ts'

const { values } = parseArgs({
  options: { creates: { type: 'string', default: '6' }, steady: { type: 'string', default: '60' } },
})
/** With the first one no more than two processors hold, at Nova's ratio of four virtual ones each. */
const creates = Number(values.creates)
const steadySeconds = Number(values.steady)
/** VIR_DOMAIN_EVENT_STARTED */
const STARTED = 2

const exec = promisify(execFile)
const dir = scratchDirectory()
await using cleanUp = new AsyncDisposableStack()
const cloud = await startCloud({ dir, hosts: 1, audit: true, owned: true })
cleanUp.use(cloud)
const host = cloud.host('h1')
const images = join(host.home, 'var/lib/kubenova/images')
mkdirSync(images, { recursive: true })
copyFileSync((await ensureGuestImage()).path, join(images, 'guest.qcow2'))
const { kubectl } = await ensureBinaries(['kubectl'])
const env = { ...process.env, KUBECONFIG: cloud.kubeconfig }
const run = (...args: string[]) => exec(kubectl, args, { env })
const quickstart = join(import.meta.dirname, '../../examples/quickstart')
for (const file of ['flavor', 'image', 'network', 'keypair']) await run('apply', '-f', join(quickstart, `${file}.yaml`))

/** When domains started, by name. */
const started = new Map<string, number>()
const libvirt = cleanUp.use(await connect(host.uri))
await libvirt.on(domainEvents.lifecycle, ({ dom, event }) => {
  if (event === STARTED) started.set(dom.name, performance.now())
})

function manifest(name: string): string {
  const file = join(dir, `${name}.yaml`)
  const spec = '{flavor: tiny, image: {name: guest}, networks: [{name: default}], keyName: demo}'
  writeFileSync(
    file,
    `apiVersion: compute.kubenova.io/v1alpha1\nkind: Server\nmetadata: {name: ${name}}\nspec: ${spec}\n`,
  )
  return file
}

const domainOf = (name: string): string | undefined =>
  [...started.keys()].find((domain) => domain.startsWith(`${name}-`))

/** Milliseconds from the start of kubectl until the domain runs. */
async function create(name: string): Promise<number> {
  const file = manifest(name)
  const begin = performance.now()
  await run('apply', '--server-side', '-f', file)
  const domain = await until(() => domainOf(name), { what: `${name} to start`, every: 2 })
  await run('wait', '--for=condition=Ready', `server/${name}`, '--timeout=60s')
  return (started.get(domain) ?? Number.NaN) - begin
}

/** The same by hand: a disk on the same base, the same domain under another name; milliseconds of the shell. */
async function byHand(like: string, i: number): Promise<number> {
  const name = `raw-${i}`
  const xml = await host.virsh('dumpxml', '--inactive', domainOf(like) ?? '')
  const disk = /<source file='([^']*\/disk)'/.exec(xml)?.[1] ?? ''
  const own = join('/var/lib/kubenova', name)
  const info = await host.exec(['qemu-img', 'info', '--force-share', '--output=json', disk])
  const base = (JSON.parse(info) as { 'full-backing-filename': string })['full-backing-filename']
  const folder = disk.slice(0, -'/disk'.length)
  const digits = String(i).padStart(2, '0')
  const uuid = /<uuid>([^<]*)/.exec(xml)?.[1] ?? ''
  const copy = xml
    .replaceAll(folder, own)
    .replace(/<name>[^<]*/, `<name>${name}`)
    .replaceAll(uuid, `00000000-0000-4000-8000-0000000000${digits}`)
    .replaceAll(/<target dev='tap[^']*'/g, `<target dev='tapraw${digits}'`)
    .replaceAll(/<mac address='[^']*'/g, `<mac address='fa:16:3e:ff:ff:${digits}'`)
    .replaceAll(/socket='[^']*\.vnc'/g, `socket='/run/kubenova/${name}.vnc'`)
  writeFileSync(join(host.home, own, '../raw.xml'), copy)
  await host.exec(['mkdir', '-p', own])
  await host.exec(['cp', `${folder}/disk.config`, own])
  const script = `qemu-img create -q -f qcow2 -F qcow2 -b ${base} ${own}/disk 1G && virsh -q define /var/lib/kubenova/raw.xml && virsh -q start ${name}`
  const begin = performance.now()
  await host.exec(['sh', '-c', script])
  const took = performance.now() - begin
  await host.virsh('destroy', name)
  await host.virsh('undefine', name)
  rmSync(join(host.home, own), { recursive: true, force: true })
  return took
}

const p50 = (times: number[]): number => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN
const print = (name: string, value: number, unit: string): void =>
  console.log(`${name} ${value.toFixed(unit === 'ms' ? 0 : 2)} ${unit}`)

const ours = new Set(['kubenova-controller', 'kubenova-agent'])
/** Writes of controller and agent so far, by resource. */
function writes(): Map<string, number> {
  const found = new Map<string, number>()
  for (const { verb, userAgent = '', objectRef } of cloud.plane.audit()) {
    if (!ours.has(userAgent.split('/')[0] ?? '') || !['create', 'update', 'patch', 'delete'].includes(verb)) continue
    const resource = objectRef?.resource ?? ''
    found.set(resource, (found.get(resource) ?? 0) + 1)
  }
  return found
}
const sum = (counts: Map<string, number>): number =>
  [...counts].filter(([resource]) => !['events', 'leases'].includes(resource)).reduce((total, [, n]) => total + n, 0)

await create('warm')
await byHand('warm', 99)
const before = writes()
const times: number[] = []
const raw: number[] = []
for (let i = 0; i < creates; i++) {
  times.push(await create(`s${i}`))
  raw.push(await byHand(`s${i}`, i))
  // Its guest would compete with the next for the processor.
  await host.virsh('suspend', domainOf(`s${i}`) ?? '')
}
// What is written later because of them (figures of hosts and networks) belongs to them.
await delay(15_000)
const after = writes()
print('create.ours.p50', p50(times), 'ms')
print('create.virsh.p50', p50(raw), 'ms')
print('create.overhead.p50', p50(times.map((t, i) => t - (raw[i] ?? 0))), 'ms')
print('create.api_writes', (sum(after) - sum(before)) / creates, 'writes')
print('create.events', ((after.get('events') ?? 0) - (before.get('events') ?? 0)) / creates, 'writes')
await delay(steadySeconds * 1000)
print(`steady.api_writes.${steadySeconds}s`, sum(writes()) - sum(after), 'writes')
