/**
 * Probes whether guests run with KVM on this host. On some nested or restricted hosts /dev/kvm can be opened, but a
 * guest stops at its first instruction or runs a thousand times slower. So the probe boots one boot sector, which
 * counts for a while and then writes to its serial port. With a working KVM this takes well under a second.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../../kube/log.ts'
import { renderXml, xmlElement } from '../domain/render-xml.ts'
import { type CallFunction, domainCreateFlags, isLibvirtError, proc } from '../libvirt/index.ts'

const PROBE_TIMEOUT_MS = 5000
/**
 * Milliseconds that libvirtd gets to start the probe domain. The time is long enough for a busy machine, because
 * nothing stops a domain that starts after the probe has given up.
 */
const CREATE_TIMEOUT_MS = 120_000
const POLL_MS = 50
const PROBE_NAME_PREFIX = 'kubenova-probe-'

const LOOP_COUNT = 50_000_000

function buildBootSector(): Buffer {
  const sector = Buffer.alloc(512)
  const count = Buffer.alloc(4)
  count.writeUInt32LE(LOOP_COUNT)
  const code = [
    [0xfa], // cli
    [0x66, 0xb9, ...count], // mov ecx, LOOP_COUNT
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

function buildProbeXml(uuid: string, arch: string, { disk, log }: { disk: string; log: string }): string {
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
  const name = xmlElement('name', {}, `${PROBE_NAME_PREFIX}${uuid.slice(0, 8)}`)
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

/**
 * - works: the guest wrote to its serial port in time.
 * - useless: the guest started, but wrote nothing in time.
 * - refused: libvirt or QEMU did not start the guest.
 */
export type ProbeVerdict = 'works' | 'useless' | 'refused'

export async function probeKvm(
  call: CallFunction,
  { arch, dataDir, log }: { arch: string; dataDir: string; log: Log },
): Promise<ProbeVerdict> {
  if (arch !== 'x86_64') return 'works'
  await destroyOrphanedProbes(call)
  const uuid = randomUUID()
  const dir = join(dataDir, 'probe')
  const files = { disk: join(dir, `${uuid}.img`), log: join(dir, `${uuid}.log`) }
  await mkdir(dir, { recursive: true })
  try {
    await writeFile(files.disk, buildBootSector())
    const xml = buildProbeXml(uuid, arch, files)
    // libvirtd destroys the domain when the agent's connection ends.
    const flags = domainCreateFlags.autodestroy
    const { dom } = await call(proc.domainCreateXml, { xml, flags }, { timeoutMs: CREATE_TIMEOUT_MS })
    const hasWritten = await waitForGuestOutput(files.log)
    await call(proc.domainDestroyFlags, { dom, flags: 0 })
    return hasWritten ? 'works' : 'useless'
  } catch (error) {
    // A broken connection says nothing about KVM, so the caller retries.
    if (!isLibvirtError(error)) throw error
    log.warn({ err: error }, 'libvirtd offers KVM but starts no guest with it: this host uses emulation')
    return 'refused'
  } finally {
    for (const file of Object.values(files)) await rm(file, { force: true })
  }
}

/** libvirtd destroys probe domains when the connection ends, but not if libvirtd itself was killed. */
async function destroyOrphanedProbes(call: CallFunction): Promise<void> {
  const { domains } = await call(proc.connectListAllDomains, { needResults: true, flags: 0 })
  for (const dom of domains.filter(({ name }) => name.startsWith(PROBE_NAME_PREFIX)))
    await call(proc.domainDestroyFlags, { dom, flags: 0 }).catch((error: unknown) => {
      if (!isLibvirtError(error)) throw error
    })
}

/**
 * A probe takes seconds, so its result is cached until the host boots or QEMU's version changes. A refusal to start the
 * probe domain is not cached, because it comes fast and its cause may be gone next time.
 */
export async function cachedProbeResult(
  dataDir: string,
  qemu: string,
  probe: () => Promise<ProbeVerdict>,
): Promise<ProbeVerdict> {
  const path = join(dataDir, 'probe/kvm.json')
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
  // The file may be missing, or incomplete after a crash.
  const last = await readFile(path, 'utf8')
    .then((text) => JSON.parse(text) as { boot: string; qemu: string; works: boolean })
    .catch(() => undefined)
  if (last?.boot === boot && last.qemu === qemu) return last.works ? 'works' : 'useless'
  const verdict = await probe()
  if (verdict === 'refused') return verdict
  const works = verdict === 'works'
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.new`, JSON.stringify({ boot, qemu, works }))
  await rename(`${path}.new`, path)
  return verdict
}

async function waitForGuestOutput(log: string): Promise<boolean> {
  for (const end = performance.now() + PROBE_TIMEOUT_MS; performance.now() < end; await delay(POLL_MS)) {
    const output = await readFile(log).catch(() => Buffer.alloc(0))
    if (output.includes('K')) return true
  }
  return false
}
