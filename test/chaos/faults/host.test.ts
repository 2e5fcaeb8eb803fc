// What is wrong with one host, while servers are made there: each is said where people look, leaves nothing, and spares its neighbours. Another host
// takes the server; where there is no other, it boots when the cause is gone and somebody asks for it.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { pipeline, Readable } from 'node:stream'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { Hypervisor, Server } from '../../../crds/index.ts'
import { conditionOf, withCloud } from '../../e2e/user.ts'
import { ensureGuestImage, type GuestReport, guestReports } from '../../rig/guest.ts'
import { run } from '../../rig/process.ts'
import { until } from '../../rig/until.ts'
import { fill, makeRoom, mountSmallDisk } from './disk.ts'
import { cachedImages, halfImages, readiness, remains, restartAgent, tells } from './faults.ts'

const user = withCloud({ hosts: 2 })
const SLOW_MS = 180_000
/** What fails is a fault at once; what changed is seen soon. */
const FLAGS = ['--max-attempts', '1', '--sync-seconds', '5', '--image-stall-seconds', '1']

const h1 = () => user().cloud.host('h1')
let neighbour: Server
let image: Buffer
/** Answers that nobody ends: the server hangs. */
const hanging: ServerResponse[] = []
/** endless: more and more, and never how much. wrong: as many bytes, but others. */
type Source = 'whole' | 'endless' | 'hangs' | 'cut' | 'wrong'
let source: Source = 'whole'
const http = createServer((_, response) => {
  if (source === 'endless') return void pipeline(Readable.from(blocks()), response, () => undefined)
  response.writeHead(200, { 'content-length': image.length })
  if (source === 'whole') return void response.end(image)
  if (source === 'wrong')
    return void response.end(Buffer.concat([image.subarray(0, -1), Buffer.of(1 ^ (image.at(-1) ?? 0))]))
  if (source === 'hangs') hanging.push(response)
  response.write(image.subarray(0, 1_000_000), () => source === 'cut' && response.destroy())
})
let origin = ''

function* blocks(): Generator<Buffer> {
  for (const block = Buffer.alloc(1_000_000); ; ) yield block
}

/** New servers go to h1 alone, or to h1 first. */
const only = (yes: boolean) =>
  user().patch('hypervisor', 'h2', { spec: { disabled: yes, disabledReason: yes ? 'a test' : null } })

beforeAll(async () => {
  image = readFileSync((await ensureGuestImage()).path)
  const address = new URL(user().cloud.plane.server).hostname
  await new Promise<void>((resolve) => http.listen(0, address, resolve))
  const listening = http.address()
  origin = `http://${address}:${typeof listening === 'object' ? listening?.port : ''}`
  await user().cloud.kill('agent-h1')
  await mountSmallDisk(user(), 'h1', 1100)
  for (const host of ['h1', 'h2']) await restartAgent(user(), host, ...FLAGS)
  await user().patch('hypervisor', 'h1', { spec: { allocationRatios: { ram: 16, disk: 128, vcpu: 64 } } })
  await user().patch('hypervisor', 'h2', { spec: { allocationRatios: { disk: 128, vcpu: 64 } } })
  const { capacity } = (await user().get<Hypervisor>('hypervisor', 'h1')).status ?? {}
  expect(capacity?.disk).toBe(1)
  await only(true)
  await user().server('neighbour')
  neighbour = await user().ready('neighbour', SLOW_MS)
})

afterEach(() => makeRoom(h1()))

afterAll(() => {
  for (const response of hanging) response.destroy()
  http.closeAllConnections()
  http.close()
})

const booted = ({ status }: Server): Promise<GuestReport> => {
  const log = status?.console?.log ?? ''
  const said = () =>
    user()
      .cloud.host(status?.host ?? '')
      .exec(['cat', log])
  return until(async () => guestReports(await said())[0], { what: 'the guest to boot', deadline: SLOW_MS })
}

/** It is in error, for no host could build it: h1 says this reason; nothing is left there, and its neighbour runs. */
async function fails(name: string, reason: string, message: RegExp): Promise<Server> {
  const failed = await user().until(
    name,
    'not placed',
    (s) => conditionOf(s, 'Scheduled')?.reason === 'NoValidHost',
    SLOW_MS,
  )
  expect(failed.status).toMatchObject({ vmState: 'error', fault: { code: 500, details: 'NoValidHost' } })
  expect(failed.status?.fault?.message).toMatch(message)
  expect(failed.status?.fault?.message).toContain('to have them tried again, create a ServerAction with action: start')
  expect(conditionOf(failed, 'Stalled')).toMatchObject({ status: 'True', reason: 'NoValidHost' })
  for (const told of [`Warning ${reason}`, 'Warning NoValidHost']) await tells(user(), name, told)
  expect(await remains(h1(), failed)).toEqual([])
  await runsOn()
  return failed
}

/** And of the image nothing is kept. */
const noHalves = async () => expect(await halfImages(h1())).toEqual([])

async function runsOn(): Promise<void> {
  expect((await h1().virsh('domstate', neighbour.status?.domain?.name ?? '')).trim()).toBe('running')
  expect(conditionOf(await user().get('server', 'neighbour'), 'Ready')?.status).toBe('True')
}

/** The cause is gone, and the user asks again. */
async function heals(name: string, look: (server: Server) => Promise<unknown> = async () => undefined): Promise<void> {
  const { status } = await user().deed(name, 'start')
  expect(status).toMatchObject({ phase: 'Succeeded' })
  const server = await user().ready(name, SLOW_MS)
  expect(server.status?.host).toBe('h1')
  expect(server.status).not.toHaveProperty('fault')
  expect(conditionOf(server, 'Stalled')).toBeUndefined()
  await look(server)
  await user().delete(name)
  expect(await remains(h1(), server)).toEqual([])
}

/** With its own image, whose bytes are not on any host yet. */
async function imaged(name: string, more: object = {}): Promise<void> {
  const spec = { url: `${origin}/${name}.qcow2`, format: 'qcow2', ...more }
  await user().apply({ kind: 'Image', metadata: { name }, spec })
  await user().server(name, { image: { name } })
}

it('the disk is full while the image is fetched', async () => {
  await fill(h1(), 8_000)
  await imaged('fetched')
  await fails(
    'fetched',
    'DiskFull',
    /h1 could not build it: fetch-image: no space for the \d+ bytes that are missing of the image/,
  )
  await noHalves()
  await makeRoom(h1())
  await heals('fetched', booted)
})

it('the source of the image never ends: the guests’ disk is not filled with it', async () => {
  await fill(h1(), 400_000)
  source = 'endless'
  await imaged('endless')
  const said = /h1 could not build it: fetch-image: no space for more than the first (\d+) bytes of the image/
  const failed = await fails('endless', 'DiskFull', said)
  source = 'whole'
  // A tenth of 1100 MiB is kept; it is looked each 64 MiB.
  const came = Number(said.exec(failed.status?.fault?.message ?? '')?.[1])
  expect(came).toBeGreaterThan(64 * 1024 ** 2)
  expect(came).toBeLessThan((400 - 40) * 1_000_000)
  await noHalves()
  await makeRoom(h1())
  await heals('endless', booted)
})

it('the disk is full while the image is converted', async () => {
  await restartAgent(user(), 'h1', ...FLAGS, '--root-disk', 'flat', '--image-min-free-gib', '0')
  // Room for the 20 MiB that are fetched, and not for the 38 of the disk in them besides.
  await fill(h1(), 30_000)
  await imaged('converted')
  const message = /h1 could not build it: fetch-image: no space for the \d+ bytes of the image as raw/
  await fails('converted', 'DiskFull', message)
  await noHalves()
  await makeRoom(h1())
  await heals('converted')
  await restartAgent(user(), 'h1', ...FLAGS)
})

it('the disk is full while disks are made', async () => {
  await fill(h1(), 60)
  // Where that little is free images that no server uses make room: what is left is the neighbour's.
  await until(async () => (await cachedImages(h1())).length === 1, { what: 'unused images to go', deadline: SLOW_MS })
  await fill(h1(), 60)
  await user().server('made')
  await fails('made', 'DiskFull', /h1 could not build it: .*(disk is full|no space)/)
  await makeRoom(h1())
  await heals('made')
})

it('the source of the image hangs', async () => {
  source = 'hangs'
  await imaged('hung')
  await fails('hung', 'ImageDownloadFailed', /h1 could not build it: fetch-image: cannot fetch http.*hung\.qcow2/)
  // What has come is kept for a day, to be gone on with.
  expect(await halfImages(h1())).toHaveLength(2)
  source = 'whole'
  await heals('hung')
  await noHalves()
})

it('the source of the image breaks at each try', async () => {
  source = 'cut'
  await imaged('broken')
  await fails('broken', 'ImageDownloadFailed', /h1 could not build it: fetch-image: cannot fetch http.*broken\.qcow2/)
  expect(await halfImages(h1())).toHaveLength(2)
  source = 'whole'
  await heals('broken', booted)
  await noHalves()
})

it('the source has other bytes than the image says: none of them are kept', async () => {
  source = 'wrong'
  const sum = createHash('sha256').update(image).digest('hex')
  await imaged('changed', { checksum: `sha256:${sum}` })
  const failed = await user().until('changed', 'in error', ({ status }) => status?.vmState === 'error', SLOW_MS)
  expect(failed.status?.fault).toMatchObject({ code: 500, details: 'ImageChecksumMismatch' })
  expect(conditionOf(failed, 'Stalled')).toMatchObject({ status: 'True', reason: 'ImageChecksumMismatch' })
  expect(await remains(h1(), failed)).toEqual([])
  expect(await cachedImages(h1())).not.toContain(`sha256-${sum}`)
  await noHalves()
  await runsOn()
  source = 'whole'
  await heals('changed', booted)
  await noHalves()
})

it('the disk is full while a guest writes: it stands still, and goes on when there is room', async () => {
  await fill(h1(), 60)
  // Where that little is free images that no server uses make room; before the guest writes, so that there is none afterwards.
  await until(async () => (await cachedImages(h1())).length === 1, { what: 'unused images to go', deadline: SLOW_MS })
  await fill(h1(), 8_000)
  // 25 times what is in its memory anyway, behind what the image has: more than there is room for.
  const write = 'dd if=/bin/busybox of=/dev/vda bs=1M seek=$i conv=fsync || exit'
  const userData = `#!/bin/sh\nfor i in $(seq 100 2 148); do ${write}; done\n`
  await user().server('writer', { userData })
  const stopped = await user().until(
    'writer',
    'stopped',
    (s) => conditionOf(s, 'Ready')?.reason === 'DiskError',
    SLOW_MS,
  )
  expect(stopped.status).toMatchObject({ vmState: 'paused', powerState: 'Paused' })
  expect(conditionOf(stopped, 'Ready')?.message).toMatch(
    /see that the host’s disk has room, then set powerState to Paused/,
  )
  await runsOn()
  await makeRoom(h1())
  for (const powerState of ['Paused', 'Running'] as const) {
    await user().patch('server', 'writer', { spec: { powerState } })
    await readiness(user(), 'writer', 'True', powerState)
  }
  // All of it was written, by the same boot.
  expect(await booted(stopped)).toMatchObject({ boots: 1, userdata: 'ok' })
  await user().delete('writer')
  expect(await remains(h1(), stopped)).toEqual([])
})

it('there is not enough memory for QEMU', async () => {
  await user().apply({ kind: 'Flavor', metadata: { name: 'big' }, spec: { vcpus: 1, ram: 6000, disk: 1 } })
  const pid = String(h1().libvirtd?.pid)
  await run(['prlimit', '--pid', pid, `--as=${5 * 1024 ** 3}:unlimited`])
  await user().server('big', { flavor: 'big' })
  await fails('big', 'OutOfMemory', /h1 could not build it: start: .*the host has no memory left for it/)
  await run(['prlimit', '--pid', pid, '--as=unlimited'])
  await heals('big')
})

it('the bridge of the network is missing', async () => {
  const spec = { bridge: 'br-lab', subnets: [{ cidr: '10.88.0.0/24' }] }
  await user().apply({ kind: 'Network', metadata: { name: 'lab' }, spec })
  await user().server('bridged', { networks: [{ name: 'lab' }] })
  await fails(
    'bridged',
    'BridgeMissing',
    /h1 could not build it: prepare: Host h1 has no bridge br-lab, which network \S+ needs/,
  )
  await h1().exec(['bash', '-ec', 'ip link add br-lab type bridge && ip link set br-lab up'])
  await heals('bridged')
})

it('with another host, the other builds it: that is all that its user sees', async () => {
  const least = { ram_weight_multiplier: '-1', cpu_weight_multiplier: '-1', disk_weight_multiplier: '-1' }
  await user().apply({ kind: 'HostAggregate', metadata: { name: 'last' }, spec: { hosts: ['h2'], metadata: least } })
  await only(false)
  await fill(h1(), 60)
  await user().server('moved')
  const moved = await user().ready('moved', SLOW_MS)
  expect(moved.status).toMatchObject({ host: 'h2', vmState: 'active', rejectedHosts: [{ host: 'h1' }] })
  expect(moved.status).not.toHaveProperty('fault')
  expect(await remains(h1(), moved)).toEqual([])
  await booted(moved)
  await runsOn()
})

const bridgeOf = ({ status }: Server) =>
  `kn${status?.instance?.interfaces[0]?.networkId.replaceAll('-', '').slice(0, 12)}`
const tapOf = ({ status }: Server) => `tap${status?.instance?.interfaces[0]?.portId.slice(0, 11)}`
const masterOf = async (link: string) => {
  const [seen] = JSON.parse(await h1().exec(['ip', '-json', 'link', 'show', link])) as { master?: string }[]
  return seen?.master
}

it('the bridge of running servers is deleted: it is made anew, and they are on it', async () => {
  const [bridge, tap] = [bridgeOf(neighbour), tapOf(neighbour)]
  expect(await masterOf(tap)).toBe(bridge)
  await h1().exec(['ip', 'link', 'delete', bridge])
  expect(await masterOf(tap)).toBeUndefined()
  await until(async () => (await masterOf(tap)) === bridge, {
    what: 'the tap to be on its bridge again',
    deadline: 60_000,
  })
  expect(await masterOf(bridge.replace(/^kn/, 'kd'))).toBe(bridge)
  await runsOn()
})

it('dnsmasq is killed: it is started anew, and answers', async () => {
  const pids = async () => (await h1().exec(['bash', '-c', 'pgrep -x dnsmasq || true'])).trim()
  const before = await pids()
  expect(before).toMatch(/^\d+$/)
  await h1().exec(['kill', '-9', before])
  await until(async () => /^\d+$/.test(await pids()) && (await pids()) !== before, {
    what: 'another dnsmasq',
    deadline: 60_000,
  })
  await only(true)
  await user().server('leased')
  const server = await user().ready('leased', SLOW_MS)
  const log = server.status?.console?.log ?? ''
  const report = await until(async () => guestReports(await h1().exec(['cat', log]))[0], {
    what: 'its report',
    deadline: SLOW_MS,
  })
  expect(JSON.stringify(report)).toContain(server.status?.addresses?.[0]?.address ?? 'an address')
  await readiness(user(), 'neighbour', 'True', 'Running')
})
