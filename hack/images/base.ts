/** Provides the base images, and what a machine needs to run those of other architectures. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { installPackages } from '../../test/rig/packages.ts'
import { runCommand } from '../../test/rig/process.ts'
import { type Architecture, type ImageName, ownArchitecture } from './names.ts'
import { sourceDate } from './source-date.ts'
import type { Storage } from './storage.ts'

export interface BaseOptions {
  /** The image to pull, or `local`: a Debian base that is made here. */
  requested: string
  name: ImageName
  arch: Architecture
  storage: Storage
  log: (line: string) => void
}

/** Returns the name of the base image from which `name` is built. */
export async function ensureBase({ requested, name, arch, storage, log }: BaseOptions): Promise<string> {
  // The controller's image only unpacks packages, with programs of the machine that builds (docs/adr/0050).
  const baseArch = name === 'controller' ? ownArchitecture() : arch
  if (baseArch !== ownArchitecture()) await ensureEmulation(baseArch, log)
  return requested === 'local' ? ensureLocalBase(storage, baseArch, log) : requested
}

/** The names of QEMU's interpreters. */
const qemuNames: Record<Architecture, string> = { amd64: 'qemu-x86_64', arm64: 'qemu-aarch64' }

/** Lets the kernel run programs of another architecture with QEMU. */
async function ensureEmulation(arch: Architecture, log: (line: string) => void): Promise<void> {
  const folder = '/proc/sys/fs/binfmt_misc'
  const isRegistered = (): boolean =>
    existsSync(join(folder, qemuNames[arch])) && readFileSync(join(folder, qemuNames[arch]), 'utf8').includes('enabled')
  if (isRegistered()) return
  await installPackages(['qemu-user-static', 'binfmt-support'], log)
  if (!existsSync(join(folder, 'register'))) await runCommand(['mount', '-t', 'binfmt_misc', 'binfmt_misc', folder])
  if (!isRegistered()) await runCommand(['update-binfmts', '--enable', qemuNames[arch]])
}

const localBase = 'localhost/debian'

/** Reuses the image if `storage` has it already. Returns its name. */
async function ensureLocalBase(storage: Storage, arch: Architecture, log: (line: string) => void): Promise<string> {
  const name = `${localBase}:bookworm${arch === ownArchitecture() ? '' : `-${arch}`}`
  if ((await listLocalBases(storage)).includes(name)) return name
  log(`images: making the Debian base for ${arch} with mmdebstrap`)
  await installPackages(['mmdebstrap', 'arch-test'], log)
  const archive = join(storage.folder, 'base.tar')
  const env = { SOURCE_DATE_EPOCH: String(sourceDate()) }
  await runCommand(['mmdebstrap', '--quiet', '--variant=minbase', `--architectures=${arch}`, 'bookworm', archive], {
    env,
  })
  const container = (await storage.buildah('from', `--arch=${arch}`, 'scratch')).trim()
  await storage.buildah('add', container, archive, '/')
  await storage.buildah('config', `--arch=${arch}`, container)
  await storage.buildah('commit', '--rm', '--timestamp', String(sourceDate()), container, name)
  rmSync(archive)
  return name
}

/** Removes the bases that were made here, so that the next build makes them from the newest packages. */
export async function removeLocalBases(storage: Storage): Promise<void> {
  for (const name of await listLocalBases(storage)) await storage.buildah('rmi', '--force', name)
}

async function listLocalBases(storage: Storage): Promise<string[]> {
  const images = await storage.buildah('images', '--format', '{{.Name}}:{{.Tag}}')
  return images.split('\n').filter((name) => name.startsWith(`${localBase}:`))
}
