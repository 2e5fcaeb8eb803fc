import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import type { Guest } from '../../actions/host/index.ts'
import { aliasOfRole, definedDisksOf } from '../../agent/domain/defined-disks.ts'
import type { DiskRole } from '../../agent/domain/input.ts'
import { childAt } from '../../agent/domain/parse-xml.ts'
import { type GuestOptions, prepareAndDefine } from './contract-host.ts'
import { domainCalls } from './domain-calls.ts'
import type { LibvirtContractHost } from './libvirt-host.ts'

const execFileAsync = promisify(execFile)

export async function bootDomain(
  host: LibvirtContractHost,
  options: GuestOptions,
  properties: Record<string, string>,
): Promise<VirshDomain> {
  const guest = host.newGuest(options)
  guest.instance.image.properties = properties
  await prepareAndDefine(host, guest, 'b1')
  await domainCalls.start(host, guest)
  return new VirshDomain(host, guest)
}

export const takeSnapshot = (domain: VirshDomain, name: string, ...more: string[]): Promise<string> =>
  domain.virsh('snapshot-create-as', name, '--disk-only', '--atomic', ...more)

/** The kind and code of the error with which a boot fails; the text "it boots" if the boot succeeds. */
export const reasonOf = (boot: Promise<void>): Promise<unknown> =>
  boot.then(
    () => 'it boots',
    (error: { kind: string; code: string }) => `${error.kind} ${error.code}`,
  )

/** Changes the definition as virsh edit does. */
export async function redefineDomain(domain: VirshDomain, edit: (xml: string) => string): Promise<void> {
  const [file, before] = [domain.elsewhere('edit.xml'), await domain.virsh('dumpxml', '--inactive')]
  const after = edit(before)
  expect(after).not.toBe(before)
  await writeFile(file, after)
  await domain.virshFile('define', file)
}

export class VirshDomain {
  readonly guest: Guest
  readonly #host: LibvirtContractHost
  readonly #uuid: string
  #boots = 1

  constructor(host: LibvirtContractHost, guest: Guest) {
    this.#host = host
    this.guest = guest
    this.#uuid = guest.instance.uuid
    guest.server.status = { ...guest.server.status, launchedAt: '2026-01-01T00:00:00Z' }
  }

  virsh(command: string, ...args: string[]): Promise<string> {
    return this.#host.virsh(command, this.#uuid, ...args)
  }

  /** The XML file, not an argument, names the domain. */
  virshFile(command: string, file: string): Promise<string> {
    return this.#host.virsh(command, file)
  }

  /** The Server's directory. */
  get directory(): string {
    return this.#host.directoryOf(this.guest)
  }

  /** A file in the Server's directory. */
  path(name: string): string {
    return join(this.directory, name)
  }

  /** A file outside the Server's directory. */
  elsewhere(name: string): string {
    return join(this.directory, '../..', `${this.guest.server.metadata.name}-${name}`)
  }

  observe() {
    return this.#host.host.domains.observe(this.guest)
  }

  async prepareNextBoot(): Promise<void> {
    this.#boots += 1
    await prepareAndDefine(this.#host, this.guest, `b${this.#boots}`)
  }

  /** Boots the domain as the agent does when somebody has destroyed it. */
  async bootAgain(): Promise<void> {
    await this.virsh('destroy').catch(() => undefined)
    await this.observe()
    await this.boot()
  }

  async boot(): Promise<void> {
    await this.prepareNextBoot()
    await domainCalls.start(this.#host, this.guest)
  }

  async diskOf(role: DiskRole) {
    return definedDisksOf(await this.virsh('dumpxml'), ['root', 'ephemeral', 'swap']).own[role]
  }

  /** The names of the files in a disk's backing chain, from the active layer down. */
  async layersOf(role: DiskRole): Promise<string[]> {
    let node = await this.diskOf(role)
    const names: string[] = []
    for (; node; node = childAt(node, 'backingStore')) {
      const { file, dev } = childAt(node, 'source')?.attributes ?? {}
      if (file ?? dev) names.push(basename(file ?? dev ?? ''))
    }
    // Leave out the lowest layer of a root disk, the image in the cache, unless it is the only layer.
    return role === 'root' && names.length > 1 ? names.slice(0, -1) : names
  }

  async write(byte: number, role: DiskRole = 'root'): Promise<void> {
    const device = `/machine/peripheral/${aliasOfRole(role)}/virtio-backend`
    for (const command of [`write -P ${byte} 2M 64k`, 'flush']) {
      const output = await this.virsh('qemu-monitor-command', '--hmp', `qemu-io -d ${device} "${command}"`)
      // QEMU writes the result of qemu-io to its own log. The command prints a text only after an error.
      expect(output.trim()).toBe('')
    }
  }

  async expectToRead(byte: number, role: DiskRole = 'root'): Promise<void> {
    const disk = await this.diskOf(role)
    const { file, dev } = childAt(disk, 'source')?.attributes ?? {}
    const format = childAt(disk, 'driver')?.attributes['type'] ?? ''
    const args = ['-U', '-r', '-f', format, '-c', `read -P ${byte} 2M 64k`, file ?? dev ?? '']
    const { stdout } = await execFileAsync('qemu-io', args)
    expect(stdout).toContain('read 65536/65536')
    expect(stdout, `the disk has ${byte}`).not.toContain('verification failed')
  }
}
