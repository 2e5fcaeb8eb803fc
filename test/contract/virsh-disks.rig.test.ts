/**
 * Administrators and backup programs change disks of domains with libvirt's tools. There is a test for each row of
 * "Disks" in docs/guide/virsh.md.
 */
import { rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { childAt } from '../../agent/domain/parse-xml.ts'
import { withRigPart } from '../rig/vitest.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { newBlockDevice } from './block-device.ts'
import { ctx, type GuestOptions, waitUntilDone } from './contract-host.ts'
import { startLibvirtHost } from './libvirt-host.ts'
import { bootDomain, reasonOf, redefineDomain, takeSnapshot, VirshDomain } from './virsh-domain.ts'

const getHost = withRigPart(startLibvirtHost)
afterEach(() => getHost().reset())

const newDomain = (options: GuestOptions = {}, properties: Record<string, string> = {}): Promise<VirshDomain> =>
  bootDomain(getHost(), options, properties)

describe('boots from the disk that the definition names', () => {
  it('when an external snapshot was taken while the guest ran', async () => {
    const domain = await newDomain()
    await domain.write(1)
    await takeSnapshot(domain, 'nightly')
    await domain.write(2)
    await domain.bootAgain()
    await domain.expectToRead(2)
    expect(await domain.layersOf('root')).toEqual(['disk.nightly', 'disk'])
  })

  it('when a snapshot was taken of each of three disks into another directory, without metadata', async () => {
    const domain = await newDomain({ flavor: { ephemeral: 1, swap: 64 } })
    const roles = ['root', 'ephemeral', 'swap'] as const
    const specs = ['vda', 'vdb', 'vdc'].flatMap((dev) => ['--diskspec', `${dev},file=${domain.elsewhere(dev)}`])
    await takeSnapshot(domain, 'nightly', '--no-metadata', ...specs)
    for (const [index, role] of roles.entries()) await domain.write(index + 1, role)
    await domain.bootAgain()
    for (const [index, role] of roles.entries()) await domain.expectToRead(index + 1, role)
    expect(await domain.layersOf('swap')).toEqual([basename(domain.elsewhere('vdc')), 'disk.swap'])
  })

  it('when snapshots were taken while the domain was off, one on the other', async () => {
    const domain = await newDomain()
    await domain.write(1)
    await domain.virsh('destroy')
    for (const name of ['s1', 's2']) await takeSnapshot(domain, name)
    await domain.boot()
    await domain.expectToRead(1)
    expect(await domain.layersOf('root')).toEqual(['disk.s2', 'disk.s1', 'disk'])
  })

  it('when a snapshot was taken with the memory in a file', async () => {
    const domain = await newDomain()
    const specs = [
      '--memspec',
      `file=${domain.path('memory')},snapshot=external`,
      '--diskspec',
      'vda,snapshot=external',
    ]
    await domain.virsh('snapshot-create-as', 'nightly', '--live', '--atomic', ...specs)
    await domain.write(1)
    await domain.bootAgain()
    await domain.expectToRead(1)
  })

  it('when a backup program has copied the disk and committed the snapshot', async () => {
    const domain = await newDomain()
    await takeSnapshot(domain, 'backup', '--no-metadata')
    await domain.write(1)
    await domain.virsh('blockcommit', 'vda', '--active', '--pivot', '--shallow')
    await rm(domain.path('disk.backup'))
    await domain.bootAgain()
    await domain.expectToRead(1)
    expect(await domain.layersOf('root')).toEqual(['disk'])
  })

  it('when the agent has seen the snapshot, and the committed overlay was not removed', async () => {
    const domain = await newDomain()
    await takeSnapshot(domain, 'backup', '--no-metadata')
    await domain.observe()
    await domain.write(1)
    await domain.virsh('blockcommit', 'vda', '--active', '--pivot', '--shallow')
    await domain.write(2)
    await domain.bootAgain()
    await domain.expectToRead(2)
    expect(await domain.layersOf('root')).toEqual(['disk'])
  })

  it('when a layer in the middle was committed', async () => {
    const domain = await newDomain()
    for (const name of ['s1', 's2', 's3']) await takeSnapshot(domain, name, '--no-metadata')
    await domain.write(1)
    await domain.virsh('blockcommit', 'vda', '--top', domain.path('disk.s2'), '--base', domain.path('disk'), '--wait')
    for (const name of ['disk.s1', 'disk.s2']) await rm(domain.path(name))
    await domain.bootAgain()
    await domain.expectToRead(1)
    expect(await domain.layersOf('root')).toEqual(['disk.s3', 'disk'])
  })

  it('when blockpull has taken the lower layers into the overlay, and they were removed', async () => {
    const domain = await newDomain()
    await domain.write(1)
    await takeSnapshot(domain, 'nightly', '--no-metadata')
    await domain.virsh('blockpull', 'vda', '--wait')
    await rm(domain.path('disk'))
    await domain.bootAgain()
    await domain.expectToRead(1)
    expect(await domain.layersOf('root')).toEqual(['disk.nightly'])
  })

  it('when blockcopy has moved the disk to a raw file elsewhere, and the old one was removed', async () => {
    const domain = await newDomain()
    const copy = domain.elsewhere('copy')
    await domain.virsh('blockcopy', 'vda', '--dest', copy, '--format', 'raw', '--wait', '--pivot', '--transient-job')
    await domain.write(1)
    await rm(domain.path('disk'))
    await domain.bootAgain()
    await domain.expectToRead(1)
    expect(await domain.layersOf('root')).toEqual([basename(copy)])
    expect(childAt(await domain.diskOf('root'), 'driver')?.attributes['type']).toBe('raw')
  })

  it('when a backup with a checkpoint was made while the guest ran', async () => {
    const domain = await newDomain()
    await domain.write(1)
    const [backup, checkpoint] = [domain.elsewhere('backup.xml'), domain.elsewhere('checkpoint.xml')]
    const target = `<target file='${domain.elsewhere('backup')}'/>`
    await writeFile(backup, `<domainbackup><disks><disk name='vda' type='file'>${target}</disk></disks></domainbackup>`)
    await writeFile(checkpoint, '<domaincheckpoint><name>monday</name></domaincheckpoint>')
    await domain.virsh('backup-begin', backup, checkpoint)
    await waitUntil(async () => /Completed/.test(await domain.virsh('domjobinfo', '--completed')), {
      what: 'the backup',
    })
    await domain.bootAgain()
    await domain.expectToRead(1)
    expect(await domain.layersOf('root')).toEqual(['disk'])
    expect(await domain.virsh('checkpoint-list', '--name')).toContain('monday')
  })

  it('when blockcopy has moved the disk to a block device, and the old one was removed', async () => {
    const domain = await newDomain()
    // QEMU copies a disk only to a device of the same size.
    await using device = await newBlockDevice(domain.elsewhere('device'), 1024 ** 3)
    const how = ['--blockdev', '--format', 'raw', '--wait', '--pivot', '--transient-job']
    await domain.virsh('blockcopy', 'vda', '--dest', device.path, ...how)
    await domain.write(1)
    await rm(domain.path('disk'))
    await domain.bootAgain()
    await domain.expectToRead(1)
    expect(await domain.layersOf('root')).toEqual([basename(device.path)])
    await domain.virsh('destroy')
  })

  it('when a disk was detached and another file attached in its place', async () => {
    const domain = await newDomain()
    await domain.write(1)
    await domain.virsh('destroy')
    await rename(domain.path('disk'), domain.path('restored'))
    await domain.virsh('detach-disk', 'vda', '--config')
    await domain.virsh('attach-disk', domain.path('restored'), 'vda', '--subdriver', 'qcow2', '--config')
    await domain.bootAgain()
    await domain.expectToRead(1)
    expect(await domain.layersOf('root')).toEqual(['restored'])
  })

  it('when an internal snapshot was taken and reverted to', async () => {
    const domain = await newDomain()
    await domain.write(1)
    await domain.virsh('snapshot-create-as', 'internal')
    await domain.write(2)
    await domain.virsh('snapshot-revert', 'internal', '--running')
    await domain.bootAgain()
    await domain.expectToRead(1)
    expect(await domain.virsh('snapshot-list', '--name')).toContain('internal')
  })

  it('when the domain was undefined after the agent had seen the snapshot', async () => {
    const domain = await newDomain()
    await takeSnapshot(domain, 'nightly', '--no-metadata', '--diskspec', `vda,file=${domain.elsewhere('vda')}`)
    await domain.write(1)
    await domain.virsh('undefine')
    await domain.observe()
    await domain.bootAgain()
    await domain.expectToRead(1)
  })

  it('when the server is rescued: the second disk is the overlay, and it is the first one afterwards', async () => {
    const domain = await newDomain()
    await takeSnapshot(domain, 'nightly', '--no-metadata')
    await domain.write(1)
    const { host } = getHost()
    const rescue = new VirshDomain(getHost(), { ...domain.guest, mode: 'rescued' })
    const system = { image: domain.guest.instance.image, requestId: 'r1' }
    await waitUntilDone(() => host.rescueDisks.create(rescue.guest, system, ctx), 'the rescue disk')
    await host.domains.checkDefinition(rescue.guest)
    await rescue.bootAgain()
    await rescue.expectToRead(1)
    expect(await rescue.layersOf('root')).toEqual(['disk.nightly', 'disk'])
    await domain.bootAgain()
    await domain.expectToRead(1)
    expect(await domain.layersOf('rescue')).toEqual([])
  })
})

describe('does not boot', () => {
  it('when the overlay that the definition names was removed', async () => {
    const domain = await newDomain()
    await takeSnapshot(domain, 'nightly', '--no-metadata')
    await domain.virsh('destroy')
    await rm(domain.path('disk.nightly'))
    expect(await reasonOf(domain.bootAgain())).toBe('Transient DiskMissing')
  })

  it('when the domain was undefined before the agent saw the snapshot beside the disk', async () => {
    const domain = await newDomain()
    await takeSnapshot(domain, 'nightly', '--no-metadata')
    await domain.write(1)
    await domain.virsh('destroy')
    await domain.virsh('undefine')
    expect(await reasonOf(domain.bootAgain())).toBe('Transient DiskLayersConflict')
    await rename(domain.path('disk.nightly'), domain.elsewhere('nightly'))
    await domain.boot()
    expect(await domain.layersOf('root')).toEqual(['disk'])
  })

  it('when an old definition that names the layer below was defined while the guest ran', async () => {
    const domain = await newDomain()
    const old = domain.elsewhere('old.xml')
    await writeFile(old, await domain.virsh('dumpxml', '--inactive'))
    await takeSnapshot(domain, 'nightly', '--no-metadata')
    await getHost().virsh('define', old)
    await domain.observe()
    await domain.write(1)
    expect(await reasonOf(domain.bootAgain())).toBe('Transient DiskLayersConflict')
  })

  it('when an old definition that names the disk of before a blockcopy was defined while the guest ran', async () => {
    const domain = await newDomain()
    const old = domain.elsewhere('old.xml')
    await writeFile(old, await domain.virsh('dumpxml', '--inactive'))
    const how = ['--format', 'qcow2', '--wait', '--pivot', '--transient-job']
    await domain.virsh('blockcopy', 'vda', '--dest', domain.elsewhere('copy'), ...how)
    await domain.observe()
    await domain.write(1)
    await domain.virshFile('define', old)
    expect(await reasonOf(domain.bootAgain())).toBe('Transient DiskLayersConflict')
  })

  it('when blockcommit has merged the disk into the cached image', async () => {
    const domain = await newDomain()
    await domain.write(1)
    await domain.virsh('blockcommit', 'vda', '--active', '--pivot')
    expect(await reasonOf(domain.bootAgain())).toBe('Transient DiskUnusable')
    await domain.virsh('undefine')
    expect(await reasonOf(domain.boot())).toBe('Transient DiskUnusable')
  })

  it('when a snapshot was taken outside of the directories for disks, also after undefine', async () => {
    const domain = await newDomain()
    const outside = join(domain.directory, '../../..', 'outside')
    await takeSnapshot(domain, 'nightly', '--no-metadata', '--diskspec', `vda,file=${outside}`)
    // A reboot checks the definition before it cuts the power of the guest.
    expect(await reasonOf(getHost().host.domains.checkDefinition(domain.guest))).toBe('Transient DiskUnusable')
    expect((await domain.observe()).power).toBe('running')
    expect(await reasonOf(domain.bootAgain())).toBe('Transient DiskUnusable')
    await domain.virsh('undefine')
    expect(await reasonOf(domain.boot())).toBe('Transient DiskUnusable')
  })

  it('when the definition names a disk on the network', async () => {
    const domain = await newDomain()
    await domain.virsh('destroy')
    await redefineDomain(domain, (xml) =>
      xml.replace(
        /<disk type='file' device='disk'>([^]*?)<source file='[^']*\/disk'\/>\s*<backingStore[^]*?<backingStore\/>\s*<\/backingStore>/,
        "<disk type='network' device='disk'>$1<source protocol='nbd' name='x'><host name='192.0.2.9'/></source>",
      ),
    )
    expect(await reasonOf(domain.bootAgain())).toBe('Transient DiskUnusable')
  })
})
