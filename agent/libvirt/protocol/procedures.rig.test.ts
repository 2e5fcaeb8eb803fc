// The tables against a real libvirtd: each procedure that can be called here is, so that a wrong number or shape shows.
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { withHost } from '../../../test/rig/vitest.ts'
import {
  blockCopyParams,
  blockResizeFlags,
  type Connection,
  connect,
  type DomainRef,
  domainEvents,
  fromParams,
  interfaceAddressSource,
  keycodeSet,
  metadataType,
  migrateFlags,
  migrateParams,
  modificationImpact,
  proc,
  snapshotCreateFlags,
  toParams,
} from '../index.ts'
import { echoGuest, type Guest } from '../testing/guest.ts'

const host = withHost()
let c: Connection
let dom: DomainRef
let guest: Guest

beforeAll(async () => {
  c = await connect(host().uri)
  guest = echoGuest(join(host().home, 'guests'), 'guest', randomUUID())
  dom = (await c.call(proc.domainDefineXmlFlags, { xml: guest.xml })).dom
  dom = (await c.call(proc.domainCreateWithFlags, { dom })).dom
})

describe('connection and node', () => {
  it('capabilities and sizes', async () => {
    expect((await c.call(proc.connectGetCapabilities, {})).capabilities).toMatch(/^<capabilities>/)
    const { capabilities } = await c.call(proc.connectGetDomainCapabilities, { arch: 'x86_64', virtType: 'qemu' })
    expect(capabilities).toMatch(/^<domainCapabilities>/)
    expect((await c.call(proc.connectGetVersion, {})).version).toBeGreaterThan(7_000_000n)
    expect(await c.call(proc.connectIsSecure, {})).toEqual({ secure: true })
    expect((await c.call(proc.connectGetMaxVcpus, { type: 'qemu' })).max).toBeGreaterThan(1)
    const { models, ret } = await c.call(proc.connectGetCpuModelNames, { arch: 'x86_64', needResults: true })
    expect(models.length).toBe(ret)
    expect(models).toContain('qemu64')
    const compared = await c.call(proc.connectCompareHypervisorCpu, {
      virtType: 'qemu',
      xmlCpu: '<cpu><model>qemu64</model></cpu>',
    })
    expect([0, 1, 2]).toContain(compared.result)
  })

  it('memory and processors', async () => {
    const node = await c.call(proc.nodeGetInfo, {})
    expect(node.model).toBe('x86_64')
    expect(node.cpus).toBeGreaterThan(0)
    const { freeMemory } = await c.call(proc.nodeGetFreeMemory, {})
    expect(freeMemory).toBeLessThan(node.memory * 1024n)
    const { cells } = await c.call(proc.nodeGetCellsFreeMemory, { startCell: 0, maxCells: node.nodes })
    expect(cells.length).toBe(node.nodes)
    const { nparams } = await c.call(proc.nodeGetCpuStats, { cpu: -1, nparams: 0 })
    const cpu = await c.call(proc.nodeGetCpuStats, { cpu: -1, nparams })
    expect(cpu.params.map(({ field }) => field)).toEqual(expect.arrayContaining(['user', 'idle']))
    const { nparams: count } = await c.call(proc.nodeGetMemoryStats, { cell: -1, nparams: 0 })
    const memory = await c.call(proc.nodeGetMemoryStats, { cell: -1, nparams: count })
    expect(memory.params.map(({ field }) => field)).toEqual(['total', 'free', 'buffers', 'cached'])
    const map = await c.call(proc.nodeGetCpuMap, { needMap: true, needOnline: true })
    expect(map.online).toBe(node.cpus)
    const pages = await c.call(proc.nodeGetFreePages, { pages: [4], startCell: 0, cellCount: 1 })
    expect(pages.counts.length).toBe(1)
  })
})

describe('a running domain', () => {
  it('is looked at', async () => {
    const state = await c.call(proc.domainGetInfo, { dom })
    expect(state).toMatchObject({ state: 1, maxMemory: 32_768n, vcpus: 1 })
    expect(await c.call(proc.domainLookupByName, { name: 'guest' })).toEqual({ dom })
    expect(await c.call(proc.domainLookupById, { id: dom.id })).toEqual({ dom })
    expect(await c.call(proc.domainIsActive, { dom })).toEqual({ active: true })
    expect(await c.call(proc.domainIsPersistent, { dom })).toEqual({ persistent: true })
    expect((await c.call(proc.domainGetXmlDesc, { dom })).xml).toMatch(/^<domain/)
    expect(await c.call(proc.domainGetControlInfo, { dom })).toMatchObject({ state: 0 })
    expect(await c.call(proc.domainGetVcpusFlags, { dom })).toEqual({ vcpus: 1 })
    const { info } = await c.call(proc.domainGetVcpus, { dom, maxInfo: 2, mapLength: 1 })
    expect(info[0]).toMatchObject({ number: 0, state: 1 })
    expect((await c.call(proc.domainMemoryStats, { dom, maxStats: 16 })).stats.length).toBeGreaterThan(0)
    expect((await c.call(proc.domainGetMessages, { dom })).messages.every((m) => typeof m === 'string')).toBe(true)
    const { records } = await c.call(proc.connectGetAllDomainStats, { doms: [dom] })
    expect(fromParams(records[0]!.params)).toMatchObject({ 'state.state': 1, 'vcpu.maximum': 2, 'block.count': 1 })
    // Without a network the kernel's ARP table is empty, which libvirt 9 takes for an error.
    const arp = c.call(proc.domainInterfaceAddresses, { dom, source: interfaceAddressSource.arp })
    await arp.then(({ interfaces }) => expect(interfaces).toEqual([]), expectLibvirtError)
  })

  it('is suspended, resumed, reset, rebooted, interrupted and typed to', async () => {
    await c.call(proc.domainSuspend, { dom })
    expect(await c.call(proc.domainGetState, { dom })).toEqual({ state: 3, reason: 1 })
    await c.call(proc.domainResume, { dom })
    await c.call(proc.domainReset, { dom })
    await c.call(proc.domainInjectNmi, { dom })
    await c.call(proc.domainSendKey, { dom, codeset: keycodeSet.linux, holdTime: 10, keycodes: [30] })
    await c.call(proc.domainShutdownFlags, { dom, flags: 1 })
    await c.call(proc.domainReboot, { dom })
  })

  it('has metadata', async () => {
    const uri = 'urn:example:test'
    const element = { type: metadataType.element, uri, flags: modificationImpact.config }
    await c.call(proc.domainSetMetadata, { dom, ...element, metadata: '<a b="c"/>', key: 'k' })
    expect((await c.call(proc.domainGetMetadata, { dom, ...element })).metadata).toMatch(/<a b=.c./)
    await c.call(proc.domainSetMetadata, { dom, ...element, metadata: null, key: 'k' })
    await expect(c.call(proc.domainGetMetadata, { dom, ...element })).rejects.toMatchObject({
      code: 'VIR_ERR_NO_DOMAIN_METADATA',
    })
  })

  it('changes its size and start', async () => {
    const { config: flags } = modificationImpact
    await c.call(proc.domainSetVcpusFlags, { dom, vcpus: 2, flags })
    expect(await c.call(proc.domainGetVcpusFlags, { dom, flags })).toEqual({ vcpus: 2 })
    await c.call(proc.domainSetMemoryFlags, { dom, memory: 16_384, flags })
    await c.call(proc.domainSetAutostart, { dom, autostart: true })
    expect(await c.call(proc.domainGetAutostart, { dom })).toEqual({ autostart: true })
    await c.call(proc.domainSetAutostart, { dom, autostart: false })
  })

  it('without a guest agent says so', async () => {
    const ask = c.call(proc.qemuDomainAgentCommand, { dom, cmd: '{"execute":"guest-ping"}', timeout: 1 })
    await expect(ask).rejects.toMatchObject({ code: 'VIR_ERR_ARGUMENT_UNSUPPORTED' })
    await expect(c.call(proc.domainFsfreeze, { dom, mountpoints: [] })).rejects.toMatchObject({ name: 'LibvirtError' })
    await expect(c.call(proc.domainSetUserPassword, { dom, user: 'a', password: 'b' })).rejects.toMatchObject({
      code: 'VIR_ERR_ARGUMENT_UNSUPPORTED',
    })
    const { result } = await c.call(proc.qemuDomainMonitorCommand, { dom, cmd: '{"execute":"query-status"}' })
    expect(JSON.parse(result)).toMatchObject({ return: { running: true } })
  })
})

describe('disks and devices', () => {
  const path = 'sda'

  it('have figures', async () => {
    const size = 4n << 20n
    expect(await c.call(proc.domainGetBlockInfo, { dom, path })).toMatchObject({ capacity: size })
    expect((await c.call(proc.domainBlockStats, { dom, path })).rdBytes).toBeGreaterThan(0n)
    expect(await c.call(proc.domainGetDiskErrors, { dom, maxErrors: 16 })).toMatchObject({ errors: [] })
    await c.call(proc.domainBlockResize, { dom, disk: path, size: size * 2n, flags: blockResizeFlags.bytes })
    expect(await c.call(proc.domainGetBlockInfo, { dom, path })).toMatchObject({ capacity: size * 2n })
    const params = toParams({ total_iops_sec: 'ullong' }, { total_iops_sec: 1_000_000n })
    await c.call(proc.domainSetBlockIoTune, { dom, disk: path, params })
  })

  it('are copied to another file by a job with events, and back to one by a pull', async () => {
    const jobs: { status: number }[] = []
    await using _jobs = await c.on(domainEvents.blockJob, (event) => void jobs.push(event))
    const target = join(host().home, 'guests/copy.qcow2')
    const destXml = `<disk type='file'><source file='${target}'/><driver type='qcow2'/></disk>`
    const params = toParams(blockCopyParams, { granularity: 65_536 })
    await c.call(proc.domainBlockCopy, { dom, path, destXml, params, flags: 4 })
    await vi.waitUntil(() => jobs.some(({ status }) => status === 3), { timeout: 10_000 })
    const job = await c.call(proc.domainGetBlockJobInfo, { dom, path })
    expect(job).toMatchObject({ found: true, type: 2, end: job.cur })
    await c.call(proc.domainBlockJobAbort, { dom, path, flags: 2 })
    await vi.waitUntil(() => jobs.some(({ status }) => status === 0), { timeout: 10_000 })
    expect((await c.call(proc.domainGetXmlDesc, { dom })).xml).toContain(target)
    expect(await c.call(proc.domainGetBlockJobInfo, { dom, path })).toMatchObject({ found: false })

    const xml = '<domainsnapshot><name>s1</name></domainsnapshot>'
    const flags = snapshotCreateFlags.diskOnly | snapshotCreateFlags.noMetadata
    const { snap } = await c.call(proc.domainSnapshotCreateXml, { dom, xml, flags })
    expect(snap).toEqual({ name: 's1', dom })
    jobs.length = 0
    await c.call(proc.domainBlockRebase, { dom, path, bandwidth: 0 })
    await vi.waitUntil(() => jobs.some(({ status }) => status === 0), { timeout: 10_000 })
    await c.call(proc.domainSnapshotCreateXml, { dom, xml: xml.replace('s1', 's2'), flags })
    jobs.length = 0
    await c.call(proc.domainBlockCommit, { dom, disk: path, bandwidth: 0, flags: 4 })
    await vi.waitUntil(() => jobs.some(({ status }) => status === 3), { timeout: 10_000 })
    await c.call(proc.domainBlockJobAbort, { dom, path, flags: 2 })
    await vi.waitUntil(() => jobs.some(({ status }) => status === 0), { timeout: 10_000 })
  })

  it('have checkpoints and snapshots, which can be listed and forgotten', async () => {
    const xml = '<domaincheckpoint><name>c1</name></domaincheckpoint>'
    const { checkpoint } = await c.call(proc.domainCheckpointCreateXml, { dom, xml })
    const { checkpoints } = await c.call(proc.domainListAllCheckpoints, { dom, needResults: true })
    expect(checkpoints).toEqual([checkpoint])
    expect((await c.call(proc.domainCheckpointGetXmlDesc, { checkpoint })).xml).toMatch(/^<domaincheckpoint>/)
    await c.call(proc.domainCheckpointDelete, { checkpoint })
    const { snapshots } = await c.call(proc.domainListAllSnapshots, { dom, needResults: true })
    expect(snapshots).toEqual([])
    await expect(c.call(proc.domainSnapshotLookupByName, { dom, name: 'none' })).rejects.toMatchObject({
      code: 'VIR_ERR_NO_DOMAIN_SNAPSHOT',
    })
  })

  it('are attached, changed and asked to leave', async () => {
    const added: string[] = []
    await using _added = await c.on(domainEvents.deviceAdded, ({ alias }) => void added.push(alias))
    const nic = `<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>`
    await c.call(proc.domainAttachDeviceFlags, { dom, xml: nic, flags: modificationImpact.live })
    await vi.waitUntil(() => added.length === 1)
    const down = nic.replace('</interface>', "<link state='down'/></interface>")
    await c.call(proc.domainUpdateDeviceFlags, { dom, xml: down, flags: modificationImpact.live })
    await c.call(proc.domainDetachDeviceFlags, { dom, xml: nic, flags: modificationImpact.live })
    await expect(c.call(proc.domainInterfaceStats, { dom, device: 'none' })).rejects.toMatchObject({
      code: 'VIR_ERR_INVALID_ARG',
    })
  })
})

describe('jobs, migration and save images', () => {
  it('a migration to nobody fails, with the error of whoever could not be reached', async () => {
    expect(await c.call(proc.domainGetJobInfo, { dom })).toMatchObject({ type: 0 })
    expect(await c.call(proc.domainGetJobStats, { dom })).toMatchObject({ type: 0, params: [] })
    await expect(c.call(proc.domainAbortJob, { dom })).rejects.toMatchObject({ code: 'VIR_ERR_OPERATION_INVALID' })
    await c.call(proc.domainMigrateSetMaxDowntime, { dom, downtime: 100 }).catch(expectLibvirtError)
    await c.call(proc.domainMigrateStartPostCopy, { dom }).catch(expectLibvirtError)
    await c.call(proc.domainMigrateSetMaxSpeed, { dom, bandwidth: 77 })
    expect(await c.call(proc.domainMigrateGetMaxSpeed, { dom })).toEqual({ bandwidth: 77n })
    const { cookieOut, xml } = await c.call(proc.domainMigrateBegin3Params, {
      dom,
      params: [],
      flags: migrateFlags.unsafe,
    })
    expect([cookieOut.length > 0, xml.startsWith('<domain')]).toEqual([true, true])
    const perform = c.call(proc.domainMigratePerform3Params, {
      dom,
      destUri: 'qemu+tcp://127.0.0.1:1/system',
      params: toParams(migrateParams, { bandwidth: 10n, migrate_uri: 'tcp://127.0.0.1' }),
      cookieIn: Buffer.alloc(0),
      flags: migrateFlags.live | migrateFlags.peer2peer,
    })
    await expect(perform).rejects.toMatchObject({ name: 'LibvirtError' })
    expect((await c.call(proc.domainGetState, { dom })).state).toBe(1)
  })

  it('a core dump, a managed save, its image, and its removal', async () => {
    const file = join(host().home, 'core')
    await c.call(proc.domainCoreDumpWithFormat, { dom, to: file, format: 0, flags: 16 })
    await c.call(proc.domainManagedSave, { dom })
    expect(await c.call(proc.domainHasManagedSaveImage, { dom })).toEqual({ result: true })
    expect((await c.call(proc.domainManagedSaveGetXmlDesc, { dom })).xml).toMatch(/^<domain/)
    await c.call(proc.domainManagedSaveRemove, { dom })
    expect(await c.call(proc.domainHasManagedSaveImage, { dom })).toEqual({ result: false })
    await c.call(proc.domainCreateWithFlags, { dom })
    const to = join(host().home, 'saved')
    await c.call(proc.domainSaveFlags, { dom, to })
    expect((await c.call(proc.domainSaveImageGetXmlDesc, { file: to })).xml).toMatch(/^<domain/)
    await c.call(proc.domainRestoreFlags, { from: to })
    await c.call(proc.domainDestroyFlags, { dom })
    await c.call(proc.domainRename, { dom, newName: 'other' })
    dom = (await c.call(proc.domainLookupByUuid, { uuid: guest.uuid })).dom
    expect(dom.name).toBe('other')
    await c.call(proc.domainUndefineFlags, { dom })
  })
})

describe('storage, networks, secrets', () => {
  it('a pool and its volumes', async () => {
    const path = join(host().home, 'pool')
    mkdirSync(path)
    const xml = `<pool type='dir'><name>p</name><target><path>${path}</path></target></pool>`
    const { pool } = await c.call(proc.storagePoolDefineXml, { xml })
    await c.call(proc.storagePoolBuild, { pool })
    await c.call(proc.storagePoolCreate, { pool })
    expect((await c.call(proc.connectListAllStoragePools, { needResults: true })).pools).toEqual([pool])
    expect(await c.call(proc.storagePoolLookupByName, { name: 'p' })).toEqual({ pool })
    expect(await c.call(proc.storagePoolLookupByUuid, { uuid: pool.uuid })).toEqual({ pool })
    expect(await c.call(proc.storagePoolGetInfo, { pool })).toMatchObject({ state: 2 })
    const volXml = '<volume><name>v</name><capacity>1048576</capacity></volume>'
    const { vol } = await c.call(proc.storageVolCreateXml, { pool, xml: volXml })
    const clone = { pool, cloneVol: vol, xml: volXml.replace('>v<', '>w<') }
    const copy = (await c.call(proc.storageVolCreateXmlFrom, clone)).vol
    await c.call(proc.storagePoolRefresh, { pool })
    const { vols } = await c.call(proc.storagePoolListAllVolumes, { pool, needResults: true })
    expect(vols.map(({ name }) => name).sort()).toEqual(['v', 'w'])
    expect(await c.call(proc.storageVolLookupByName, { pool, name: 'v' })).toEqual({ vol })
    expect(await c.call(proc.storageVolLookupByKey, { key: vol.key })).toEqual({ vol })
    expect(await c.call(proc.storageVolGetPath, { vol })).toEqual({ path: join(path, 'v') })
    expect(await c.call(proc.storageVolLookupByPath, { path: join(path, 'v') })).toEqual({ vol })
    await c.call(proc.storageVolResize, { vol, capacity: 2_097_152 })
    expect(await c.call(proc.storageVolGetInfo, { vol })).toMatchObject({ type: 0, capacity: 2_097_152n })
    expect((await c.call(proc.storageVolGetXmlDesc, { vol })).xml).toMatch(/^<volume/)
    expect(await c.call(proc.storagePoolLookupByVolume, { vol })).toEqual({ pool })
    for (const one of [vol, copy]) await c.call(proc.storageVolDelete, { vol: one })
    await c.call(proc.storagePoolDestroy, { pool })
    await c.call(proc.storagePoolDelete, { pool })
    await c.call(proc.storagePoolUndefine, { pool })
  })

  it('a network', async () => {
    const { net } = await c.call(proc.networkDefineXml, {
      xml: '<network><name>n</name><forward mode="bridge"/><bridge name="br-x"/></network>',
    })
    await c.call(proc.networkCreate, { net })
    expect((await c.call(proc.connectListAllNetworks, { needResults: true })).nets).toContainEqual(net)
    expect(await c.call(proc.networkLookupByName, { name: 'n' })).toEqual({ net })
    expect(await c.call(proc.networkIsActive, { net })).toEqual({ active: true })
    expect(await c.call(proc.networkGetBridgeName, { net })).toEqual({ name: 'br-x' })
    expect((await c.call(proc.networkGetXmlDesc, { net })).xml).toMatch(/^<network/)
    await c.call(proc.networkGetDhcpLeases, { net, needResults: true }).catch(expectLibvirtError)
    await c.call(proc.networkDestroy, { net })
    await c.call(proc.networkUndefine, { net })
  })

  it('a secret', async () => {
    const xml = '<secret ephemeral="no" private="no"><usage type="volume"><volume>/v</volume></usage></secret>'
    const { secret } = await c.call(proc.secretDefineXml, { xml })
    await c.call(proc.secretSetValue, { secret, value: Buffer.from('hidden') })
    expect((await c.call(proc.secretGetValue, { secret })).value.toString()).toBe('hidden')
    expect((await c.call(proc.connectListAllSecrets, { needResults: true })).secrets).toEqual([secret])
    expect(await c.call(proc.secretLookupByUsage, { usageType: 1, usageId: '/v' })).toEqual({ secret })
    expect(await c.call(proc.secretLookupByUuid, { uuid: secret.uuid })).toEqual({ secret })
    await c.call(proc.secretUndefine, { secret })
  })
})

/** Reached and understood, but not possible here: no error of decoding would come from the daemon. */
function expectLibvirtError(error: unknown): void {
  expect(error).toMatchObject({ name: 'LibvirtError' })
  expect((error as { code: string }).code).not.toBe('VIR_ERR_RPC')
}
