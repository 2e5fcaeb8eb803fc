/**
 * Does KVM run guests here? That /dev/kvm is there does not say so: on nested or restricted hosts it opens, and then stops at the
 * first instruction, or emulates each one a thousand times slower. So a small domain boots a sector that counts for a while and then
 * speaks on its serial port; hardware does that in well under a second.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../../kube/log.ts'
import { renderXml, xmlElement } from '../domain/render-xml.ts'
import { type CallFunction, isLibvirtError, proc } from '../libvirt/index.ts'

/** VIR_DOMAIN_START_AUTODESTROY: it goes with our connection, whatever becomes of us. */
const AUTODESTROY = 2
const DEADLINE_MS = 5000
/** How long the domain's start takes says nothing: the machine may be busy. Given up too early it would come after all, and stay. */
const CREATE_MS = 120_000
const LOOK_MS = 50
/** Of the names of its domains. */
const PREFIX = 'kubenova-probe-'

const COUNT = 50_000_000

/** A boot sector, 16-bit code. */
function bootSector(): Buffer {
  const sector = Buffer.alloc(512)
  const count = Buffer.alloc(4)
  count.writeUInt32LE(COUNT)
  const code = [
    [0xfa], // cli
    [0x66, 0xb9, ...count], // mov ecx, COUNT
    [0x67, 0xe2, 0xfd], // loop to itself until ecx is 0
    [0xba, 0xf8, 0x03], // mov dx, 0x3f8: the first serial port
    [0xb0, 0x4b], // mov al, 'K'
    [0xee], // out dx, al
    [0xf4], // hlt
    [0xeb, 0xfd], // back to hlt
  ]
  Buffer.from(code.flat()).copy(sector)
  sector.writeUInt16LE(0xaa55, 510)
  return sector
}

function probeXml(uuid: string, arch: string, { disk, log }: { disk: string; log: string }): string {
  const os = xmlElement('os', {}, xmlElement('type', { arch }, 'hvm'), xmlElement('boot', { dev: 'hd' }))
  const source = xmlElement('source', { file: disk })
  const drive = xmlElement(
    'disk',
    { type: 'file', device: 'disk' },
    xmlElement('driver', { name: 'qemu', type: 'raw' }),
    source,
    xmlElement('target', { dev: 'hda', bus: 'ide' }),
  )
  const serial = xmlElement(
    'serial',
    { type: 'file' },
    xmlElement('source', { path: log }),
    xmlElement('target', { port: 0 }),
  )
  const devices = xmlElement(
    'devices',
    {},
    drive,
    serial,
    xmlElement('memballoon', { model: 'none' }),
    xmlElement('controller', { type: 'usb', model: 'none' }),
  )
  const name = xmlElement('name', {}, `${PREFIX}${uuid.slice(0, 8)}`)
  return renderXml(
    xmlElement(
      'domain',
      { type: 'kvm' },
      name,
      xmlElement('uuid', {}, uuid),
      xmlElement('memory', { unit: 'MiB' }, 16),
      os,
      devices,
    ),
  )
}

/** `refused`: libvirt or QEMU did not start the guest. That may be for want of KVM, or of memory just now. */
export type Verdict = 'works' | 'useless' | 'refused'

export async function kvmWorks(
  call: CallFunction,
  { arch, dataDir, log }: { arch: string; dataDir: string; log: Log },
): Promise<Verdict> {
  if (arch !== 'x86_64') return 'works'
  await dropOthers(call)
  const uuid = randomUUID()
  const dir = join(dataDir, 'probe')
  const files = { disk: join(dir, `${uuid}.img`), log: join(dir, `${uuid}.log`) }
  await mkdir(dir, { recursive: true })
  try {
    await writeFile(files.disk, bootSector())
    const xml = probeXml(uuid, arch, files)
    const { dom } = await call(proc.domainCreateXml, { xml, flags: AUTODESTROY }, { timeoutMs: CREATE_MS })
    const spoke = await guestSpoke(files.log)
    await call(proc.domainDestroyFlags, { dom, flags: 0 })
    return spoke ? 'works' : 'useless'
  } catch (error) {
    // A connection that broke says nothing, and is for the caller.
    if (!isLibvirtError(error)) throw error
    log.warn({ err: error }, 'libvirt offers KVM, and starts no guest with it: this host emulates')
    return 'refused'
  } finally {
    for (const file of Object.values(files)) await rm(file, { force: true })
  }
}

/** Those that lost their libvirtd, which would have ended them with our connection. */
async function dropOthers(call: CallFunction): Promise<void> {
  const { domains } = await call(proc.connectListAllDomains, { needResults: true, flags: 0 })
  for (const dom of domains.filter(({ name }) => name.startsWith(PREFIX)))
    await call(proc.domainDestroyFlags, { dom, flags: 0 }).catch((error: unknown) => {
      if (!isLibvirtError(error)) throw error
    })
}

/**
 * Does KVM work, by the last probe, if a guest ran in it, since the host booted and with the same QEMU; else by a new one, which takes seconds.
 * What was refused is quick to ask again, and is not remembered.
 */
export async function remembered(dataDir: string, qemu: string, probe: () => Promise<Verdict>): Promise<boolean> {
  const path = join(dataDir, 'probe/kvm.json')
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
  // No note, or one that a crash cut short: asked anew.
  const last = await readFile(path, 'utf8')
    .then((text) => JSON.parse(text) as { boot: string; qemu: string; works: boolean })
    .catch(() => undefined)
  if (last?.boot === boot && last.qemu === qemu) return last.works
  const verdict = await probe()
  if (verdict === 'refused') return false
  const works = verdict === 'works'
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.new`, JSON.stringify({ boot, qemu, works }))
  await rename(`${path}.new`, path)
  return works
}

async function guestSpoke(log: string): Promise<boolean> {
  for (const end = performance.now() + DEADLINE_MS; performance.now() < end; await delay(LOOK_MS)) {
    const text = await readFile(log).catch(() => Buffer.alloc(0))
    if (text.includes('K')) return true
  }
  return false
}
