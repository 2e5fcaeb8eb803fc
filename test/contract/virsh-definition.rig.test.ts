/**
 * Administrators change definitions of domains with virsh. There is a test for each row of "Definition" in
 * docs/guide/virsh.md, and for disks that somebody attaches or detaches.
 */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { parseXml, textAt } from '../../agent/domain/parse-xml.ts'
import { parseDomain } from '../../agent/domain/testing.ts'
import { withRigPart } from '../rig/vitest.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { ctx, type GuestOptions, waitUntilDone } from './contract-host.ts'
import { domainCalls } from './domain-calls.ts'
import { startLibvirtHost } from './libvirt-host.ts'
import { bootDomain, reasonOf, redefineDomain, takeSnapshot, VirshDomain } from './virsh-domain.ts'

const getHost = withRigPart(startLibvirtHost)
afterEach(() => getHost().reset())

const newDomain = (options: GuestOptions = {}, properties: Record<string, string> = {}): Promise<VirshDomain> =>
  bootDomain(getHost(), options, properties)

describe('disks that somebody attaches or detaches', () => {
  it('stay attached with their layers until they are detached', async () => {
    const domain = await newDomain()
    const file = domain.elsewhere('data')
    await writeFile(file, Buffer.alloc(1024 ** 2))
    await domain.virsh('attach-disk', file, 'vdb', '--targetbus', 'virtio', '--persistent')
    await takeSnapshot(
      domain,
      's1',
      '--no-metadata',
      '--diskspec',
      'vda,snapshot=no',
      '--diskspec',
      `vdb,file=${file}.s1`,
    )
    await domain.bootAgain()
    expect(await domain.virsh('domblklist')).toMatch(/vdb +\S+-data\.s1/)
    await domain.virsh('detach-disk', 'vdb', '--config')
    await domain.bootAgain()
    expect(await domain.virsh('domblklist')).not.toContain('vdb')
  })

  it('are gone at the next boot if they were attached to the running guest only', async () => {
    const domain = await newDomain()
    const file = domain.elsewhere('data')
    await writeFile(file, Buffer.alloc(1024 ** 2))
    await domain.virsh('attach-disk', file, 'vdb', '--targetbus', 'virtio', '--live')
    await domain.bootAgain()
    expect(await domain.virsh('domblklist')).not.toContain('vdb')
  })

  it('stay attached in a rescue', async () => {
    const domain = await newDomain()
    const file = domain.elsewhere('data')
    await writeFile(file, Buffer.alloc(1024 ** 2))
    await domain.virsh('attach-disk', file, 'vdb', '--targetbus', 'virtio', '--persistent')
    const rescue = new VirshDomain(getHost(), { ...domain.guest, mode: 'rescued' })
    const system = { image: domain.guest.instance.image, requestId: 'r1' }
    await waitUntilDone(() => getHost().host.rescueDisks.create(rescue.guest, system, ctx), 'the rescue disk')
    await rescue.bootAgain()
    // In rescue mode vda is the rescue disk and vdb the server's own disk, so the attached disk must have a later name.
    expect(await rescue.virsh('domblklist')).toMatch(/vd[c-z] +\S+-data\n/)
    await domain.bootAgain()
    expect(await domain.virsh('domblklist')).toMatch(/vd[b-z] +\S+-data\n/)
  })

  it('are attached again if they are disks of the server', async () => {
    const domain = await newDomain({ flavor: { swap: 64 } })
    await domain.write(1)
    await domain.virsh('destroy')
    for (const target of ['vda', 'vdb']) await domain.virsh('detach-disk', target, '--config')
    await domain.boot()
    await domain.expectToRead(1)
    expect(await domain.layersOf('swap')).toEqual(['disk.swap'])
  })

  it('are restored if the medium of the config drive was changed', async () => {
    const domain = await newDomain()
    await domain.virsh('change-media', 'sda', '--eject', '--config')
    await domain.bootAgain()
    expect(await domain.virsh('domblklist')).toMatch(/sda +\S+\/disk\.config/)
  })
})

describe('the definition', () => {
  it('has its new name after domrename, which observe reports', async () => {
    const domain = await newDomain()
    await domain.virsh('destroy')
    await domain.virsh('domrename', 'renamed')
    expect(await domain.observe()).toMatchObject({ power: 'off', name: 'renamed' })
    await domain.boot()
    expect(await domain.observe()).toMatchObject({ power: 'running', name: 'renamed', bootId: 'b2' })
  })

  it('has the memory and vCPUs of the flavor again at the next boot', async () => {
    const domain = await newDomain()
    await domain.virsh('setmem', '32M', '--live')
    await domain.virsh('setmaxmem', '96M', '--config')
    await redefineDomain(domain, (xml) => xml.replace('<on_reboot>restart<', '<on_reboot>destroy<'))
    await redefineDomain(domain, (xml) => xml.replace(/<topology.*/, '').replace('>1</vcpu>', '>2</vcpu>'))
    await domain.virsh('setvcpus', '1', '--config')
    await domain.bootAgain()
    const xml = await domain.virsh('dumpxml')
    expect(parseDomain(xml)).toMatchObject({ ramMiB: 64, vcpus: 1 })
    expect(textAt(parseXml(xml, 'domain XML'), 'on_reboot')).toBe('restart')
  })

  it('has no other devices and no other description at the next boot', async () => {
    const domain = await newDomain()
    const device = domain.elsewhere('device.xml')
    await writeFile(device, "<watchdog model='ib700' action='reset'/>")
    await domain.virsh('attach-device', device, '--config')
    await domain.virsh('desc', '--config', '--live', 'an administrator wrote this')
    expect(await domain.virsh('dumpxml', '--inactive')).toContain('ib700')
    await domain.bootAgain()
    expect(await domain.virsh('dumpxml', '--inactive')).not.toMatch(/ib700|an administrator wrote this/)
  })

  it('without the metadata of the agent is not booted', async () => {
    const domain = await newDomain()
    await domain.virsh('metadata', 'https://kubenova.io/domain/1', '--remove', '--live', '--config')
    expect(await reasonOf(domain.bootAgain())).toBe('Terminal UUIDInUse')
    await domain.virsh('undefine')
  })

  it('does not let libvirtd start the domain after the next boot by the agent', async () => {
    const domain = await newDomain()
    await domain.virsh('autostart')
    await domain.bootAgain()
    expect(await domain.virsh('dominfo')).toMatch(/Autostart: +disable/)
  })

  it('boots with new firmware variables after undefine --nvram, and with the old ones after --keep-nvram', async () => {
    const domain = await newDomain({}, { hw_firmware_type: 'uefi' })
    const variables = domain.path('nvram.fd')
    const inode = async () => (await stat(variables)).ino
    const before = await inode()
    await domain.virsh('destroy')
    await domain.virsh('undefine', '--keep-nvram')
    await domain.boot()
    expect(await inode()).toBe(before)
    await domain.virsh('destroy')
    await domain.virsh('undefine', '--nvram')
    expect(await readdir(domain.directory)).not.toContain('nvram.fd')
    await domain.boot()
    expect((await readFile(variables)).length).toBeGreaterThan(0)
  })

  it('boots from the disk when the memory was saved and the save removed', async () => {
    const domain = await newDomain()
    await domain.write(1)
    await domain.virsh('managedsave')
    expect(await domain.observe()).toMatchObject({ power: 'saved' })
    await domain.virsh('managedsave-remove')
    await domain.boot()
    await domain.expectToRead(1)
  })
})

it('unpause wakes a guest that sleeps; start leaves it asleep', async () => {
  const domain = await newDomain({ image: 'sleeps' })
  await waitUntil(async () => (await domain.observe()).power === 'pmsuspended', { what: 'the guest to sleep' })
  await domainCalls.start(getHost(), domain.guest)
  expect((await domain.observe()).power).toBe('pmsuspended')
  await getHost().host.domains.unpause(domain.guest, ctx)
  await waitUntil(async () => (await domain.observe()).power === 'running', { what: 'the guest to wake up' })
  expect(await domain.observe()).toMatchObject({ power: 'running', reason: 'wakeup', bootId: 'b1' })
})
