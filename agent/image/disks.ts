/**
 * The disks of a server in its own directory, with Nova's names: disk, disk.eph0, disk.swap. Each disk appears as a
 * whole or not at all. A disk that exists is never changed, because the guest's data is on it.
 */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { chmod, copyFile, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Instance, Terminal, Transient } from '../../crds/index.ts'
import { createAtomically, removeTemporaryFiles, writeFileAtomically } from '../files/atomic-files.ts'
import { errorCodeOf, ignoreNotFound, pathExists } from '../files/errors.ts'
import { GIB, MIB } from '../files/sizes.ts'
import type { Base } from './base-store.ts'
import { type SpaceCheck, writeWhileSpaceLasts } from './free-space.ts'
import { createOverlay, growDisk } from './qemu-img.ts'

/** Other users of the host may enter the disk's directory, but must not read the disk. */
const OWNER_ONLY = 0o600

export interface RootDiskOptions {
  /** The server's directory; created if needed. */
  directory: string
  base: Base
  /**
   * `overlay`: a qcow2 file backed by the base. `copy`: an independent disk, which shares blocks with the base if the
   * file system supports reflinks.
   */
  root: 'overlay' | 'copy'
  hasSpace: SpaceCheck
  signal: AbortSignal
}

export interface DisksOptions extends RootDiskOptions {
  instance: Pick<Instance, 'flavor' | 'image'>
}

export interface Disk {
  path: string
  format: 'qcow2' | 'raw'
  type?: 'block'
  /** The base of a disk that was made as an overlay. */
  backing?: Pick<Base, 'path' | 'format'>
}

export interface Disks {
  root: Disk
  ephemeral?: Disk
  swap?: Disk
}

/**
 * The content of disks.json. The format of a raw disk must never be guessed, because the guest can write the header of
 * another format into the disk.
 */
interface DiskLayout {
  root: 'qcow2' | 'raw'
  backing?: Pick<Base, 'path' | 'format'>
  ephemeral: boolean
  swap: boolean
  /**
   * The present files of disks that somebody has moved with libvirt's tools. After an external snapshot this is the
   * overlay.
   */
  moved?: Partial<Record<keyof Disks, Pick<Disk, 'path' | 'format' | 'type'>>>
}

/**
 * Creates the disks that are missing and returns all disks. Idempotent.
 * @throws a Terminal error (not retried): FlavorDiskTooSmall, DiskCreateFailed, or CommandMissing if a program is not
 * installed
 * @throws a Transient error (retried): DiskFull, or ImageCacheBusy if the base was evicted from the cache before the
 * root disk was made from it
 */
export async function createDisks(options: DisksOptions): Promise<Disks> {
  const { directory, instance, base, signal } = options
  const { flavor, image } = instance
  const size = rootDiskSizeOf(flavor.disk, base.virtualSize, image.minDisk)
  await mkdir(directory, { recursive: true, mode: 0o711 })
  // Keep temporary files of the config drive: another step may be writing it in the same directory.
  await removeTemporaryFiles(directory, (name) => !name.startsWith('disk.config'))
  const path = join(directory, 'disk')
  const existing = (await pathExists(path)) ? await readDiskLayout(directory) : undefined
  const { root, backing } = existing ?? newRootLayout(options)
  const layout: DiskLayout = {
    root,
    ...(backing && { backing }),
    ephemeral: flavor.ephemeral > 0,
    swap: flavor.swap > 0,
  }
  await writeFileAtomically(join(directory, 'disks.json'), JSON.stringify(layout), 0o644)
  if (existing === undefined) await createRootDisk(path, size, options)
  if (layout.ephemeral) {
    const fileSystem = image.properties?.['os_type'] === 'windows' ? undefined : 'ext4'
    const format = ephemeralFormatCommand(fileSystem)
    await createRawDisk(join(directory, 'disk.eph0'), flavor.ephemeral * GIB, format, signal)
  }
  if (layout.swap) await createRawDisk(join(directory, 'disk.swap'), flavor.swap * MIB, ['mkswap'], signal)
  const disks = await readDisks(directory)
  if (disks === undefined) throw new Transient('DiskCreateFailed', `a disk vanished while the disks were created`)
  return disks
}

export function newRootLayout({ root, base: { path, format } }: RootDiskOptions): Pick<DiskLayout, 'root' | 'backing'> {
  return root === 'overlay' ? { root: 'qcow2', backing: { path, format } } : { root: format }
}

/** Returns undefined if a disk is missing. */
export async function readDisks(directory: string): Promise<Disks | undefined> {
  const disks = await readRecordedDisks(directory)
  if (disks === undefined) return undefined
  const existing = await Promise.all(Object.values(disks).map(({ path }: Disk) => pathExists(path)))
  return existing.includes(false) ? undefined : disks
}

/** The files of the returned disks may be missing. Returns undefined if there is no disks.json. */
export async function readRecordedDisks(directory: string): Promise<Disks | undefined> {
  const layout = await readDiskLayout(directory)
  if (layout === undefined) return undefined
  const { root: format, backing, moved } = layout
  const path = (name: string) => join(directory, name)
  return {
    root: { ...(moved?.root ?? { path: path('disk'), format }), ...(backing && { backing }) },
    ...(layout.ephemeral && { ephemeral: moved?.ephemeral ?? { path: path('disk.eph0'), format: 'raw' } }),
    ...(layout.swap && { swap: moved?.swap ?? { path: path('disk.swap'), format: 'raw' } }),
  }
}

export async function recordMovedDisks(directory: string, moved: NonNullable<DiskLayout['moved']>): Promise<void> {
  const layout = await readDiskLayout(directory)
  if (layout === undefined) return
  await writeFileAtomically(join(directory, 'disks.json'), JSON.stringify({ ...layout, moved }), 0o644)
}

async function readDiskLayout(directory: string): Promise<DiskLayout | undefined> {
  const text = await readFile(join(directory, 'disks.json'), 'utf8').catch(ignoreNotFound)
  return text === undefined ? undefined : (JSON.parse(text) as DiskLayout)
}

const DELETED_SUFFIX = '.deleted'

/**
 * Renames the directory first, so that after a crash the remaining files are not taken for a server's directory. The
 * disks may be overlays of the base, so the caller must keep the base pinned until this function returns.
 */
export async function deleteServerDirectory(directory: string): Promise<void> {
  const renamed = `${directory}${DELETED_SUFFIX}`
  await rm(renamed, { recursive: true, force: true })
  await rename(directory, renamed).catch(ignoreNotFound)
  await rm(renamed, { recursive: true, force: true })
}

/** Finishes the deletions of server directories that a crash of the agent interrupted. */
export async function finishDeletions(root: string): Promise<void> {
  const names = (await readdir(root).catch(ignoreNotFound)) ?? []
  for (const name of names.filter((name) => name.endsWith(DELETED_SUFFIX)))
    await rm(join(root, name), { recursive: true, force: true })
}

/**
 * Returns bytes. If `flavorGiB` is 0, the size is the image's virtual size, rounded up to whole sectors, but at least
 * `minDiskGiB`.
 * @throws a Terminal error (not retried) with the code FlavorDiskTooSmall if the flavor's disk cannot hold the image
 */
export function rootDiskSizeOf(flavorGiB: number, virtualSize: number, minDiskGiB = 0): number {
  if (flavorGiB === 0) return Math.max(Math.ceil(virtualSize / 512) * 512, minDiskGiB * GIB)
  if (flavorGiB < minDiskGiB) {
    throw new Terminal(
      'FlavorDiskTooSmall',
      `the flavor's disk has ${flavorGiB} GiB, the image asks for ${minDiskGiB} GiB: take a larger flavor`,
    )
  }
  if (flavorGiB * GIB < virtualSize) {
    const needed = Math.ceil(virtualSize / GIB)
    throw new Terminal(
      'FlavorDiskTooSmall',
      `the flavor's disk has ${flavorGiB} GiB, the image's disk ${virtualSize} bytes: take a flavor with ${needed} GiB or more`,
    )
  }
  return flavorGiB * GIB
}

export async function createRootDisk(path: string, size: number, options: RootDiskOptions): Promise<void> {
  const { base, root, signal } = options
  try {
    await createAtomically(path, async (temporary) => {
      if (root === 'copy') return copyBase(temporary, size, options)
      await createOverlay(temporary, base, size, signal)
      await chmod(temporary, OWNER_ONLY)
      // createOverlay does not read the base, so it would not notice that the base is gone.
      await stat(base.path)
    })
  } catch (cause) {
    signal.throwIfAborted()
    if (await pathExists(base.path)) throw cause
    throw new Transient('ImageCacheBusy', 'the base of the disk was removed from the cache meanwhile', { cause })
  }
}

async function copyBase(target: string, size: number, { base, hasSpace, signal }: RootDiskOptions): Promise<void> {
  const { path, format, virtualSize } = base
  if (!(await tryReflink(path, target))) {
    const bytes = (await stat(path)).blocks * 512
    await writeWhileSpaceLasts(hasSpace, { bytes, what: 'the copy of the image', signal }, (signal) =>
      copySparse(path, target, signal),
    )
  }
  await chmod(target, OWNER_ONLY)
  if (format === 'qcow2' && size > virtualSize) await growDisk(target, 'qcow2', size, signal)
  if (format === 'raw') await extendFile(target, size)
}

/**
 * Makes a copy that shares the blocks of the original. Returns false if that fails; the caller then makes a full copy.
 */
async function tryReflink(from: string, to: string): Promise<boolean> {
  return copyFile(from, to, constants.COPYFILE_FICLONE_FORCE).then(
    () => true,
    () => false,
  )
}

/** Node's copyFile fills holes and cannot be aborted. */
async function copySparse(from: string, to: string, signal: AbortSignal): Promise<void> {
  await runProgram('cp', ['--reflink=never', '--sparse=auto', from, to], signal)
}

async function extendFile(path: string, size: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    if ((await file.stat()).size < size) await file.truncate(size)
  } finally {
    await file.close()
  }
}

const ephemeralFormatCommand = (fileSystem: 'ext4' | undefined) =>
  fileSystem === undefined ? undefined : ['mkfs.ext4', '-q', '-F', '-E', 'nodiscard', '-L', 'ephemeral0']

/** @param format the command that formats the disk; gets the disk's path as its last argument */
async function createRawDisk(
  path: string,
  size: number,
  format: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (await pathExists(path)) return
  await createAtomically(path, async (temporary) => {
    const file = await open(temporary, 'wx', OWNER_ONLY)
    try {
      await file.truncate(size)
    } finally {
      await file.close()
    }
    const [program, ...args] = format ?? []
    if (program !== undefined) await runProgram(program, [...args, temporary], signal)
  })
}

const execFileAsync = promisify(execFile)

async function runProgram(program: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  await execFileAsync(program, args, { signal }).catch((error: unknown) => {
    signal.throwIfAborted()
    throw toDiskError(program, error)
  })
}

function toDiskError(program: string, cause: unknown): unknown {
  if (errorCodeOf(cause) === 'ENOENT')
    return new Terminal('CommandMissing', `the host has no ${program}: install it`, { cause, isHostFault: true })
  const stderr = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : ''
  if (/no space left/i.test(stderr)) return new Transient('DiskFull', `no space to create a disk`, { cause })
  return new Terminal('DiskCreateFailed', `${program} failed: ${stderr.split('\n').at(-1)}`, { cause })
}
