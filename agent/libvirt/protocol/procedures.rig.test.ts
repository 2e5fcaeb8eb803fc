// Calls each procedure that this setup allows on a real libvirtd, so that a wrong number or type in a table shows.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { withHost } from '../../../test/rig/vitest.ts'
import {
  blockCommitFlags,
  blockCopyFlags,
  blockCopyParams,
  blockJobAbortFlags,
  blockJobStatus,
  blockJobType,
  blockResizeFlags,
  type Connection,
  checkpointDeleteFlags,
  type DomainRef,
  domainEvents,
  domainShutdownFlags,
  domainState,
  fromParams,
  metadataType,
  migrateFlags,
  migrateParams,
  modificationImpact,
  openConnection,
  pausedReason,
  proc,
  snapshotCreateFlags,
  snapshotDeleteFlags,
  toParams,
} from '../index.ts'
import { type Guest, startEchoGuest } from '../testing/guest.ts'

const host = withHost()
let connection: Connection
let dom: DomainRef
let guest: Guest

beforeAll(async () => {
  connection = await openConnection(host().uri)
  const started = await startEchoGuest(connection, join(host().home, 'guests'), 'guest', randomUUID())
  guest = started.guest
  dom = started.dom
})

/**
 * Any error but VIR_ERR_RPC shows that libvirtd could decode the arguments, and that only this host or domain does not
 * support the call.
 */
function expectLibvirtError(error: unknown): void {
  expect(error).toMatchObject({ name: 'LibvirtError' })
  expect((error as { code: string }).code).not.toBe('VIR_ERR_RPC')
}

describe('procedures of the connection and the node', () => {
  it('give capabilities and versions', async () => {
    expect((await connection.call(proc.connectGetCapabilities, {})).capabilities).toMatch(/^<capabilities>/)
    const { capabilities } = await connection.call(proc.connectGetDomainCapabilities, {
      arch: 'x86_64',
      virtType: 'qemu',
    })
    expect(capabilities).toMatch(/^<domainCapabilities>/)
    expect((await connection.call(proc.connectGetVersion, {})).version).toBeGreaterThan(7_000_000n)
    const compared = await connection.call(proc.connectCompareHypervisorCpu, {
      virtType: 'qemu',
      xmlCpu: '<cpu><model>qemu64</model></cpu>',
    })
    expect([0, 1, 2]).toContain(compared.result)
  })

  it('give memory and processors', async () => {
    const node = await connection.call(proc.nodeGetInfo, {})
    expect(node.model).toBe('x86_64')
    expect(node.cpus).toBeGreaterThan(0)
    const { freeMemory } = await connection.call(proc.nodeGetFreeMemory, {})
    expect(freeMemory).toBeLessThan(node.memory * 1024n)
    const { cells } = await connection.call(proc.nodeGetCellsFreeMemory, { startCell: 0, maxCells: node.nodes })
    expect(cells.length).toBe(node.nodes)
    const { nparams } = await connection.call(proc.nodeGetCpuStats, { cpu: -1, nparams: 0 })
    const cpu = await connection.call(proc.nodeGetCpuStats, { cpu: -1, nparams })
    expect(cpu.params.map(({ field }) => field)).toEqual(expect.arrayContaining(['user', 'idle']))
    const { nparams: count } = await connection.call(proc.nodeGetMemoryStats, { cell: -1, nparams: 0 })
    const memory = await connection.call(proc.nodeGetMemoryStats, { cell: -1, nparams: count })
    expect(memory.params.map(({ field }) => field)).toEqual(['total', 'free', 'buffers', 'cached'])
    const map = await connection.call(proc.nodeGetCpuMap, { needMap: true, needOnline: true })
    expect(map.online).toBe(node.cpus)
    const pages = await connection.call(proc.nodeGetFreePages, { pages: [4], startCell: 0, cellCount: 1 })
    expect(pages.counts.length).toBe(1)
  })
})

describe('procedures of a running domain', () => {
  it('give its state, definition and statistics', async () => {
    expect(await connection.call(proc.domainGetInfo, { dom })).toMatchObject({ state: 1, maxMemory: 32_768n, vcpus: 1 })
    expect(await connection.call(proc.domainLookupByUuid, { uuid: guest.uuid })).toEqual({ dom })
    expect(await connection.call(proc.domainIsActive, { dom })).toEqual({ active: true })
    expect(await connection.call(proc.domainIsPersistent, { dom })).toEqual({ persistent: true })
    await connection.call(proc.domainSetAutostart, { dom, autostart: true })
    expect(await connection.call(proc.domainGetAutostart, { dom })).toEqual({ autostart: true })
    await connection.call(proc.domainSetAutostart, { dom, autostart: false })
    expect(await connection.call(proc.domainGetAutostart, { dom })).toEqual({ autostart: false })
    expect((await connection.call(proc.domainGetXmlDesc, { dom })).xml).toMatch(/^<domain/)
    expect(await connection.call(proc.domainGetVcpusFlags, { dom })).toEqual({ vcpus: 1 })
    const { records } = await connection.call(proc.connectGetAllDomainStats, { doms: [dom] })
    expect(fromParams(records[0]!.params)).toMatchObject({ 'state.state': 1, 'vcpu.maximum': 2, 'block.count': 1 })
  })

  it('suspend and resume it, and send it an NMI and the ACPI power button', async () => {
    await connection.call(proc.domainSuspend, { dom })
    const paused = { state: domainState.paused, reason: pausedReason.user }
    expect(await connection.call(proc.domainGetState, { dom })).toEqual(paused)
    await connection.call(proc.domainResume, { dom })
    expect(await connection.call(proc.domainInjectNmi, { dom })).toEqual({})
    await expect(connection.call(proc.domainInjectNmi, { dom, flags: 1 })).rejects.toMatchObject({
      code: 'VIR_ERR_INVALID_ARG',
    })
    await connection.call(proc.domainShutdownFlags, { dom, flags: domainShutdownFlags.acpiPowerBtn })
  })

  it('send QEMU the command to wake it up, which QEMU refuses for a guest that is not suspended', async () => {
    await expect(connection.call(proc.domainPmWakeup, { dom })).rejects.toMatchObject({
      message: expect.stringContaining("QEMU command 'system_wakeup'"),
    })
  })

  it('set, give and remove its metadata', async () => {
    const uri = 'urn:example:test'
    const element = { type: metadataType.element, uri, flags: modificationImpact.config }
    await connection.call(proc.domainSetMetadata, { dom, ...element, metadata: '<a b="c"/>', key: 'k' })
    expect((await connection.call(proc.domainGetMetadata, { dom, ...element })).metadata).toMatch(/<a b=.c./)
    await connection.call(proc.domainSetMetadata, { dom, ...element, metadata: null, key: 'k' })
    await expect(connection.call(proc.domainGetMetadata, { dom, ...element })).rejects.toMatchObject({
      code: 'VIR_ERR_NO_DOMAIN_METADATA',
    })
  })

  it('change its number of vCPUs and its memory', async () => {
    const { config: flags } = modificationImpact
    await connection.call(proc.domainSetVcpusFlags, { dom, vcpus: 2, flags })
    expect(await connection.call(proc.domainGetVcpusFlags, { dom, flags })).toEqual({ vcpus: 2 })
    await connection.call(proc.domainSetMemoryFlags, { dom, memory: 16_384, flags })
  })

  it('fail with the error of the guest agent when the guest has no agent', async () => {
    const noAgent = { code: 'VIR_ERR_ARGUMENT_UNSUPPORTED', message: expect.stringContaining('guest agent') }
    const ping = connection.call(proc.qemuDomainAgentCommand, { dom, cmd: '{"execute":"guest-ping"}', timeout: 1 })
    await expect(ping).rejects.toMatchObject(noAgent)
    await expect(connection.call(proc.domainFsfreeze, { dom, mountpoints: [] })).rejects.toMatchObject(noAgent)
    await expect(connection.call(proc.domainFsthaw, { dom, mountpoints: [] })).rejects.toMatchObject(noAgent)
    const user = { dom, user: 'root', password: 'secret' }
    await expect(connection.call(proc.domainSetUserPassword, user)).rejects.toMatchObject(noAgent)
    await expect(connection.call(proc.domainSetUserPassword, { ...user, flags: 2 })).rejects.toMatchObject({
      code: 'VIR_ERR_INVALID_ARG',
    })
  })
})

describe('procedures of disks and devices', () => {
  const path = 'sda'

  it('give and change the size of a disk and its limits', async () => {
    const size = 4n << 20n
    expect(await connection.call(proc.domainGetBlockInfo, { dom, path })).toMatchObject({ capacity: size })
    await connection.call(proc.domainBlockResize, { dom, disk: path, size: size * 2n, flags: blockResizeFlags.bytes })
    expect(await connection.call(proc.domainGetBlockInfo, { dom, path })).toMatchObject({ capacity: size * 2n })
    const params = toParams({ total_iops_sec: 'ullong' }, { total_iops_sec: 1_000_000n })
    await connection.call(proc.domainSetBlockIoTune, { dom, disk: path, params })
    expect((await connection.call(proc.domainGetXmlDesc, { dom })).xml).toContain(
      '<total_iops_sec>1000000</total_iops_sec>',
    )
  })

  it('copy, pull and commit a disk by jobs with events', async () => {
    const jobs: { status: number }[] = []
    await using _jobs = await connection.on(domainEvents.blockJob, (event) => void jobs.push(event))
    const waitForStatus = async (wanted: number) => {
      await vi.waitUntil(() => jobs.some(({ status }) => status === wanted), { timeout: 10_000 })
      jobs.length = 0
    }
    const target = join(host().home, 'guests/copy.qcow2')
    const destXml = `<disk type='file'><source file='${target}'/><driver type='qcow2'/></disk>`
    const params = toParams(blockCopyParams, { granularity: 65_536 })
    await connection.call(proc.domainBlockCopy, { dom, path, destXml, params, flags: blockCopyFlags.transientJob })
    await waitForStatus(blockJobStatus.ready)
    const job = await connection.call(proc.domainGetBlockJobInfo, { dom, path })
    expect(job).toMatchObject({ found: true, type: blockJobType.copy, end: job.cur })
    await connection.call(proc.domainBlockJobSetSpeed, { dom, path, bandwidth: 100 })
    await connection.call(proc.domainBlockJobAbort, { dom, path, flags: blockJobAbortFlags.pivot })
    await waitForStatus(blockJobStatus.completed)
    expect((await connection.call(proc.domainGetXmlDesc, { dom })).xml).toContain(target)
    expect(await connection.call(proc.domainGetBlockJobInfo, { dom, path })).toMatchObject({ found: false })

    const snapshotXml = (name: string) => `<domainsnapshot><name>${name}</name></domainsnapshot>`
    const flags = snapshotCreateFlags.diskOnly | snapshotCreateFlags.noMetadata
    const { snap } = await connection.call(proc.domainSnapshotCreateXml, { dom, xml: snapshotXml('s1'), flags })
    expect(snap).toEqual({ name: 's1', dom })
    await connection.call(proc.domainBlockRebase, { dom, path, bandwidth: 0 })
    await waitForStatus(blockJobStatus.completed)
    await connection.call(proc.domainSnapshotCreateXml, { dom, xml: snapshotXml('s2'), flags })
    await connection.call(proc.domainBlockPull, { dom, path, bandwidth: 0 })
    await waitForStatus(blockJobStatus.completed)
    await connection.call(proc.domainSnapshotCreateXml, { dom, xml: snapshotXml('s3'), flags })
    await connection.call(proc.domainBlockCommit, { dom, disk: path, bandwidth: 0, flags: blockCommitFlags.active })
    await waitForStatus(blockJobStatus.ready)
    await connection.call(proc.domainBlockJobAbort, { dom, path, flags: blockJobAbortFlags.pivot })
    await waitForStatus(blockJobStatus.completed)
  })

  it('back up a disk from a checkpoint, and list and delete the checkpoint', async () => {
    const xml = '<domaincheckpoint><name>c1</name></domaincheckpoint>'
    const { checkpoint } = await connection.call(proc.domainCheckpointCreateXml, { dom, xml })
    const { checkpoints } = await connection.call(proc.domainListAllCheckpoints, { dom, needResults: true })
    expect(checkpoints).toEqual([checkpoint])
    expect(await connection.call(proc.domainCheckpointLookupByName, { dom, name: 'c1' })).toEqual({ checkpoint })
    expect((await connection.call(proc.domainCheckpointGetXmlDesc, { checkpoint })).xml).toMatch(/^<domaincheckpoint>/)

    const results: Record<string, unknown>[] = []
    await using _jobs = await connection.on(
      domainEvents.jobCompleted,
      ({ params }) => void results.push(fromParams(params)),
    )
    const target = join(host().home, 'guests/backup.qcow2')
    const disks = `<disk name='sda' type='file'><target file='${target}'/><driver type='qcow2'/></disk>`
    const backupXml = `<domainbackup><incremental>c1</incremental><disks>${disks}</disks></domainbackup>`
    await connection.call(proc.domainSetMetadata, { dom, type: metadataType.title, metadata: 'backed up' })
    await connection.call(proc.domainBackupBegin, { dom, backupXml })
    await connection.call(proc.domainBackupGetXmlDesc, { dom }).then(({ xml: text }) => {
      expect(text).toMatch(/^<domainbackup/)
    }, expectLibvirtError)
    await vi.waitUntil(() => results.length === 1, { timeout: 10_000 })
    expect(results[0]).toMatchObject({ success: true })
    await connection.call(proc.domainCheckpointDelete, { checkpoint, flags: checkpointDeleteFlags.children })
    expect((await connection.call(proc.domainListAllCheckpoints, { dom, needResults: true })).checkpoints).toEqual([])
  })

  it('create, describe, revert to and delete a snapshot', async () => {
    await expect(connection.call(proc.domainSnapshotLookupByName, { dom, name: 'none' })).rejects.toMatchObject({
      code: 'VIR_ERR_NO_DOMAIN_SNAPSHOT',
    })
    const xml = '<domainsnapshot><name>s4</name></domainsnapshot>'
    const { snap } = await connection.call(proc.domainSnapshotCreateXml, { dom, xml })
    expect((await connection.call(proc.domainListAllSnapshots, { dom, needResults: true })).snapshots).toEqual([snap])
    expect(await connection.call(proc.domainSnapshotLookupByName, { dom, name: 's4' })).toEqual({ snap })
    expect((await connection.call(proc.domainSnapshotGetXmlDesc, { snap })).xml).toMatch(/^<domainsnapshot>/)
    await connection.call(proc.domainRevertToSnapshot, { snap })
    await connection.call(proc.domainSnapshotDelete, { snap, flags: snapshotDeleteFlags.children })
    expect((await connection.call(proc.domainListAllSnapshots, { dom, needResults: true })).snapshots).toEqual([])
  })

  it('attach, update, limit and detach a network interface', async () => {
    const added: string[] = []
    await using _added = await connection.on(domainEvents.deviceAdded, ({ alias }) => void added.push(alias))
    const mac = '52:54:00:00:00:01'
    const nic = `<interface type='user'><mac address='${mac}'/><model type='virtio'/></interface>`
    await connection.call(proc.domainAttachDeviceFlags, { dom, xml: nic, flags: modificationImpact.live })
    await vi.waitUntil(() => added.length === 1)
    const down = nic.replace('</interface>', "<link state='down'/></interface>")
    await connection.call(proc.domainUpdateDeviceFlags, { dom, xml: down, flags: modificationImpact.live })
    const params = toParams({ 'inbound.average': 'uint' }, { 'inbound.average': 1000 })
    const { live: flags } = modificationImpact
    await connection
      .call(proc.domainSetInterfaceParameters, { dom, device: mac, params, flags })
      .catch(expectLibvirtError)
    await connection.call(proc.domainDetachDeviceFlags, { dom, xml: nic, flags: modificationImpact.live })
  })
})

describe('procedures of migration and managed save', () => {
  it('set the limits of a migration, and fail to migrate to an unreachable daemon', async () => {
    expect(await connection.call(proc.domainGetJobStats, { dom })).toMatchObject({ type: 0, params: [] })
    await expect(connection.call(proc.domainAbortJob, { dom })).rejects.toMatchObject({
      code: 'VIR_ERR_OPERATION_INVALID',
    })
    await connection.call(proc.domainMigrateSetMaxDowntime, { dom, downtime: 123 })
    expect(await connection.call(proc.domainMigrateGetMaxDowntime, { dom })).toEqual({ downtime: 123n })
    await connection.call(proc.domainMigrateStartPostCopy, { dom }).catch(expectLibvirtError)
    await connection.call(proc.domainMigrateSetMaxSpeed, { dom, bandwidth: 77 })
    expect(await connection.call(proc.domainMigrateGetMaxSpeed, { dom })).toEqual({ bandwidth: 77n })
    const begin = { dom, params: [], flags: migrateFlags.unsafe }
    const { cookieOut, xml } = await connection.call(proc.domainMigrateBegin3Params, begin)
    expect([cookieOut.length > 0, xml.startsWith('<domain')]).toEqual([true, true])
    const perform = connection.call(proc.domainMigratePerform3Params, {
      dom,
      destUri: 'qemu+tcp://127.0.0.1:1/system',
      params: toParams(migrateParams, { bandwidth: 10n, migrate_uri: 'tcp://127.0.0.1' }),
      cookieIn: Buffer.alloc(0),
      flags: migrateFlags.live | migrateFlags.peer2peer,
    })
    await expect(perform).rejects.toMatchObject({ name: 'LibvirtError' })
    expect((await connection.call(proc.domainGetState, { dom })).state).toBe(domainState.running)
  })

  it('save a domain, describe and remove the saved image, and remove the domain', async () => {
    await connection.call(proc.domainManagedSave, { dom })
    expect(await connection.call(proc.domainHasManagedSaveImage, { dom })).toEqual({ result: true })
    expect((await connection.call(proc.domainManagedSaveGetXmlDesc, { dom })).xml).toMatch(/^<domain/)
    await connection.call(proc.domainManagedSaveRemove, { dom })
    expect(await connection.call(proc.domainHasManagedSaveImage, { dom })).toEqual({ result: false })
    dom = (await connection.call(proc.domainCreateWithFlags, { dom })).dom
    await connection.call(proc.domainDestroyFlags, { dom })
    await connection.call(proc.domainUndefineFlags, { dom })
    await expect(connection.call(proc.domainLookupByUuid, { uuid: guest.uuid })).rejects.toMatchObject({
      code: 'VIR_ERR_NO_DOMAIN',
    })
  })
})
