// Faults of a host (full disk, broken download, and others) while the agent builds a server. Each is reported, leaves
// no orphans, and does not affect the server `neighbour`. Another host takes the new server; if there is none, a
// `start` request builds it after the fault is gone.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { pipeline, Readable } from 'node:stream'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { Hypervisor, Server } from '../../../crds/index.ts'
import { conditionOf, withCloud } from '../../e2e/user.ts'
import { ensureGuestImage, type GuestReport, guestReports } from '../../rig/guest.ts'
import { runCommand } from '../../rig/process.ts'
import { waitUntil } from '../../rig/wait-until.ts'
import { emptyDisk, fillDisk, mountSmallDisk } from './disk.ts'
import {
  findOrphansOf,
  listCachedImages,
  listUnfinishedImages,
  restartAgent,
  waitForEvent,
  waitForReadiness,
} from './faults.ts'

const user = withCloud({ hosts: 2 })
const SLOW_MS = 180_000
/**
 * With these flags, the agent gives up at the first failure, and notices changes on the host and stalled downloads
 * within seconds.
 */
const FLAGS = ['--max-attempts', '1', '--sync-seconds', '5', '--image-stall-seconds', '1']

const h1 = () => user().cloud.host('h1')
let neighbour: Server
let image: Buffer
const hangingResponses: ServerResponse[] = []
/**
 * How the image server answers. `endless`: data without end and without Content-Length. `hangs`: one megabyte, then
 * nothing more. `cut`: one megabyte, then the connection closes. `wrong`: the right number of bytes, one of which is
 * wrong.
 */
type Source = 'whole' | 'endless' | 'hangs' | 'cut' | 'wrong'
let source: Source = 'whole'
const http = createServer((_, response) => {
  if (source === 'endless') return void pipeline(Readable.from(blocks()), response, () => undefined)
  response.writeHead(200, { 'content-length': image.length })
  if (source === 'whole') return void response.end(image)
  if (source === 'wrong')
    return void response.end(Buffer.concat([image.subarray(0, -1), Buffer.of(1 ^ (image.at(-1) ?? 0))]))
  if (source === 'hangs') hangingResponses.push(response)
  response.write(image.subarray(0, 1_000_000), () => source === 'cut' && response.destroy())
})
let origin = ''

function* blocks(): Generator<Buffer> {
  for (const block = Buffer.alloc(1_000_000); ; ) yield block
}

/** @param onlyH1 true: disables h2; false: enables it again */
const setOnlyH1Enabled = (onlyH1: boolean) =>
  user().patch('hypervisor', 'h2', { spec: { disabled: onlyH1, disabledReason: onlyH1 ? 'a test' : null } })

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
  await setOnlyH1Enabled(true)
  await user().createServer('neighbour')
  neighbour = await user().waitUntilReady('neighbour', SLOW_MS)
})

afterEach(() => emptyDisk(h1()))

afterAll(() => {
  for (const response of hangingResponses) response.destroy()
  http.closeAllConnections()
  http.close()
})

const waitForReport = ({ status }: Server): Promise<GuestReport> => {
  const log = status?.console?.log ?? ''
  const readLog = () =>
    user()
      .cloud.host(status?.host ?? '')
      .exec(['cat', log])
  return waitUntil(async () => guestReports(await readLog())[0], { what: 'the guest to boot', deadline: SLOW_MS })
}

/**
 * Waits until the server has failed on every host. Checks the reason on h1, that h1 has no orphans, and that the
 * neighbour still runs.
 */
async function expectFailure(name: string, reason: string, message: RegExp): Promise<Server> {
  const failed = await user().waitForServer(
    name,
    'not placed',
    (s) => conditionOf(s, 'Scheduled')?.reason === 'NoValidHost',
    SLOW_MS,
  )
  expect(failed.status).toMatchObject({ vmState: 'error', fault: { code: 500, details: 'NoValidHost' } })
  expect(failed.status?.fault?.message).toMatch(message)
  expect(failed.status?.fault?.message).toContain('to have them tried again, create a ServerAction with action: start')
  expect(conditionOf(failed, 'Stalled')).toMatchObject({ status: 'True', reason: 'NoValidHost' })
  for (const event of [`Warning ${reason}`, 'Warning NoValidHost']) await waitForEvent(user(), name, event)
  expect(await findOrphansOf(h1(), failed)).toEqual([])
  await expectNeighbourRuns()
  return failed
}

const expectNoUnfinishedImages = async () => expect(await listUnfinishedImages(h1())).toEqual([])

async function expectNeighbourRuns(): Promise<void> {
  expect((await h1().virsh('domstate', neighbour.status?.domain?.name ?? '')).trim()).toBe('running')
  expect(conditionOf(await user().get('server', 'neighbour'), 'Ready')?.status).toBe('True')
}

/**
 * Starts the failed server again, expects that it is built on h1, and deletes it.
 * @param check runs more checks before the deletion
 */
async function expectStartSucceeds(
  name: string,
  check: (server: Server) => Promise<unknown> = async () => undefined,
): Promise<void> {
  const { status } = await user().runAction(name, 'start')
  expect(status).toMatchObject({ phase: 'Succeeded' })
  const server = await user().waitUntilReady(name, SLOW_MS)
  expect(server.status?.host).toBe('h1')
  expect(server.status).not.toHaveProperty('fault')
  expect(conditionOf(server, 'Stalled')).toBeUndefined()
  await check(server)
  await user().delete(name)
  expect(await findOrphansOf(h1(), server)).toEqual([])
}

async function createServerWithNewImage(name: string, more: object = {}): Promise<void> {
  const spec = { url: `${origin}/${name}.qcow2`, format: 'qcow2', ...more }
  await user().apply({ kind: 'Image', metadata: { name }, spec })
  await user().createServer(name, { image: { name } })
}

it('a build fails with DiskFull when the disk is full while the image is fetched', async () => {
  await fillDisk(h1(), 8_000)
  await createServerWithNewImage('fetched')
  await expectFailure(
    'fetched',
    'DiskFull',
    /h1 could not build it: fetch-image: no space for the \d+ bytes that are missing of the image/,
  )
  await expectNoUnfinishedImages()
  await emptyDisk(h1())
  await expectStartSucceeds('fetched', waitForReport)
})

it('a build fails with DiskFull when the image’s source never ends, before it fills the disk', async () => {
  await fillDisk(h1(), 400_000)
  source = 'endless'
  await createServerWithNewImage('endless')
  const message = /h1 could not build it: fetch-image: no space for more than the first (\d+) bytes of the image/
  const failed = await expectFailure('endless', 'DiskFull', message)
  source = 'whole'
  // The agent stops the download when less than a tenth of the 1100 MiB disk would stay free. The agent checks this
  // after every 64 MiB, so it has fetched at least 64 MiB.
  const fetched = Number(message.exec(failed.status?.fault?.message ?? '')?.[1])
  expect(fetched).toBeGreaterThan(64 * 1024 ** 2)
  expect(fetched).toBeLessThan((400 - 40) * 1_000_000)
  await expectNoUnfinishedImages()
  await emptyDisk(h1())
  await expectStartSucceeds('endless', waitForReport)
})

it('a build fails with DiskFull when the disk is full while the image is converted', async () => {
  await restartAgent(user(), 'h1', ...FLAGS, '--root-disk', 'flat', '--image-min-free-gib', '0')
  // Leave 30,000 KiB free. This is enough for the download (20 MiB), but not for the download and the converted image
  // (38 MiB) together.
  await fillDisk(h1(), 30_000)
  await createServerWithNewImage('converted')
  const message = /h1 could not build it: fetch-image: no space for the \d+ bytes of the image as raw/
  await expectFailure('converted', 'DiskFull', message)
  await expectNoUnfinishedImages()
  await emptyDisk(h1())
  await expectStartSucceeds('converted')
  await restartAgent(user(), 'h1', ...FLAGS)
})

it('a build fails with DiskFull when the disk is full while disks are created', async () => {
  await fillDisk(h1(), 60)
  // The disk is nearly full, so the agent removes all images but that of the running server `neighbour`.
  await waitUntil(async () => (await listCachedImages(h1())).length === 1, {
    what: 'unused images to go',
    deadline: SLOW_MS,
  })
  await fillDisk(h1(), 60)
  await user().createServer('made')
  await expectFailure('made', 'DiskFull', /h1 could not build it: .*(disk is full|no space)/)
  await emptyDisk(h1())
  await expectStartSucceeds('made')
})

it('a build fails with ImageDownloadFailed when the image’s source hangs', async () => {
  source = 'hangs'
  await createServerWithNewImage('hung')
  await expectFailure(
    'hung',
    'ImageDownloadFailed',
    /h1 could not build it: fetch-image: cannot fetch http.*hung\.qcow2/,
  )
  // An unfinished download is kept for a day, to continue it later.
  expect(await listUnfinishedImages(h1())).toHaveLength(2)
  source = 'whole'
  await expectStartSucceeds('hung')
  await expectNoUnfinishedImages()
})

it('a build fails with ImageDownloadFailed when the image’s source breaks off at each attempt', async () => {
  source = 'cut'
  await createServerWithNewImage('broken')
  await expectFailure(
    'broken',
    'ImageDownloadFailed',
    /h1 could not build it: fetch-image: cannot fetch http.*broken\.qcow2/,
  )
  expect(await listUnfinishedImages(h1())).toHaveLength(2)
  source = 'whole'
  await expectStartSucceeds('broken', waitForReport)
  await expectNoUnfinishedImages()
})

it('a build fails with ImageChecksumMismatch when the image’s source has other bytes, and keeps none of them', async () => {
  source = 'wrong'
  const sum = createHash('sha256').update(image).digest('hex')
  await createServerWithNewImage('changed', { checksum: `sha256:${sum}` })
  const failed = await user().waitForServer('changed', 'in error', ({ status }) => status?.vmState === 'error', SLOW_MS)
  expect(failed.status?.fault).toMatchObject({ code: 500, details: 'ImageChecksumMismatch' })
  expect(conditionOf(failed, 'Stalled')).toMatchObject({ status: 'True', reason: 'ImageChecksumMismatch' })
  expect(await findOrphansOf(h1(), failed)).toEqual([])
  expect(await listCachedImages(h1())).not.toContain(`sha256-${sum}`)
  await expectNoUnfinishedImages()
  await expectNeighbourRuns()
  source = 'whole'
  await expectStartSucceeds('changed', waitForReport)
  await expectNoUnfinishedImages()
})

it('a guest is paused when the disk is full while it writes, and continues when there is room', async () => {
  await fillDisk(h1(), 60)
  // Wait until the agent has removed the unused images. If it removed them while the guest writes, the disk would have
  // room again and the guest would not be paused.
  await waitUntil(async () => (await listCachedImages(h1())).length === 1, {
    what: 'unused images to go',
    deadline: SLOW_MS,
  })
  await fillDisk(h1(), 8_000)
  // The guest writes 25 copies of busybox to its disk, at offsets where its image has no data: more than the host's
  // disk can hold.
  const write = 'dd if=/bin/busybox of=/dev/vda bs=1M seek=$i conv=fsync || exit'
  const userData = `#!/bin/sh\nfor i in $(seq 100 2 148); do ${write}; done\n`
  await user().createServer('writer', { userData })
  const stopped = await user().waitForServer(
    'writer',
    'stopped',
    (s) => conditionOf(s, 'Ready')?.reason === 'DiskIOError',
    SLOW_MS,
  )
  expect(stopped.status).toMatchObject({ vmState: 'paused', powerState: 'Paused' })
  expect(conditionOf(stopped, 'Ready')?.message).toMatch(
    /see that the host’s disk has room, then set powerState to Paused/,
  )
  await expectNeighbourRuns()
  await emptyDisk(h1())
  for (const powerState of ['Paused', 'Running'] as const) {
    await user().patch('server', 'writer', { spec: { powerState } })
    await waitForReadiness(user(), 'writer', 'True', powerState)
  }
  // All writes succeeded, and the guest has not rebooted.
  expect(await waitForReport(stopped)).toMatchObject({ boots: 1, userdata: 'ok' })
  await user().delete('writer')
  expect(await findOrphansOf(h1(), stopped)).toEqual([])
})

it('a build fails with OutOfMemory when the host has no memory for QEMU', async () => {
  await user().apply({ kind: 'Flavor', metadata: { name: 'big' }, spec: { vcpus: 1, ram: 6000, disk: 1 } })
  const pid = String(h1().libvirtd?.pid)
  await runCommand(['prlimit', '--pid', pid, `--as=${5 * 1024 ** 3}:unlimited`])
  await user().createServer('big', { flavor: 'big' })
  await expectFailure('big', 'OutOfMemory', /h1 could not build it: start: .*the host has no memory left for it/)
  await runCommand(['prlimit', '--pid', pid, '--as=unlimited'])
  await expectStartSucceeds('big')
})

it('a build fails with BridgeMissing when the host lacks the network’s bridge', async () => {
  const spec = { bridge: 'br-lab', subnets: [{ cidr: '10.88.0.0/24' }] }
  await user().apply({ kind: 'Network', metadata: { name: 'lab' }, spec })
  await user().createServer('bridged', { networks: [{ name: 'lab' }] })
  await expectFailure(
    'bridged',
    'BridgeMissing',
    /h1 could not build it: prepare: Host h1 has no bridge br-lab, which network \S+ needs/,
  )
  await h1().exec(['bash', '-ec', 'ip link add br-lab type bridge && ip link set br-lab up'])
  await expectStartSucceeds('bridged')
})

it('another host builds the server when one fails, without a fault in its status', async () => {
  const lowestWeight = { ram_weight_multiplier: '-1', cpu_weight_multiplier: '-1', disk_weight_multiplier: '-1' }
  await user().apply({
    kind: 'HostAggregate',
    metadata: { name: 'last' },
    spec: { hosts: ['h2'], metadata: lowestWeight },
  })
  await setOnlyH1Enabled(false)
  await fillDisk(h1(), 60)
  await user().createServer('moved')
  const moved = await user().waitUntilReady('moved', SLOW_MS)
  expect(moved.status).toMatchObject({ host: 'h2', vmState: 'active', rejectedHosts: [{ host: 'h1' }] })
  expect(moved.status).not.toHaveProperty('fault')
  expect(await findOrphansOf(h1(), moved)).toEqual([])
  await waitForReport(moved)
  await expectNeighbourRuns()
})

const bridgeOf = ({ status }: Server) =>
  `kn${status?.instance?.interfaces[0]?.networkId.replaceAll('-', '').slice(0, 12)}`
const tapOf = ({ status }: Server) => `tap${status?.instance?.interfaces[0]?.portId.slice(0, 11)}`
const masterOf = async (link: string) => {
  const [device] = JSON.parse(await h1().exec(['ip', '-json', 'link', 'show', link])) as { master?: string }[]
  return device?.master
}

it('the agent creates the bridge of running guests again when it is deleted, and connects them to it', async () => {
  const [bridge, tap] = [bridgeOf(neighbour), tapOf(neighbour)]
  expect(await masterOf(tap)).toBe(bridge)
  await h1().exec(['ip', 'link', 'delete', bridge])
  expect(await masterOf(tap)).toBeUndefined()
  await waitUntil(async () => (await masterOf(tap)) === bridge, {
    what: 'the tap to be on its bridge again',
    deadline: 60_000,
  })
  expect(await masterOf(bridge.replace(/^kn/, 'kd'))).toBe(bridge)
  await expectNeighbourRuns()
})

it('the agent starts dnsmasq again when it is killed', async () => {
  const pids = async () => (await h1().exec(['bash', '-c', 'pgrep -x dnsmasq || true'])).trim()
  const before = await pids()
  expect(before).toMatch(/^\d+$/)
  await h1().exec(['kill', '-9', before])
  await waitUntil(async () => /^\d+$/.test(await pids()) && (await pids()) !== before, {
    what: 'another dnsmasq',
    deadline: 60_000,
  })
  await setOnlyH1Enabled(true)
  await user().createServer('leased')
  const server = await user().waitUntilReady('leased', SLOW_MS)
  const log = server.status?.console?.log ?? ''
  const report = await waitUntil(async () => guestReports(await h1().exec(['cat', log]))[0], {
    what: 'its report',
    deadline: SLOW_MS,
  })
  expect(JSON.stringify(report)).toContain(server.status?.addresses?.[0]?.address ?? 'an address')
  await waitForReadiness(user(), 'neighbour', 'True', 'Running')
})
