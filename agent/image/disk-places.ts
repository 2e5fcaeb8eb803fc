/**
 * libvirt makes QEMU's user the owner of a server's disk, which the guest can read and write. So the agent boots no
 * server whose domain definition or overlay names a file outside of the directories that are meant for disks.
 */
import { realpath } from 'node:fs/promises'
import { normalize } from 'node:path'
import { Transient } from '../../crds/index.ts'
import { UsageError } from '../../kube/options.ts'
import { ignoreNotFound } from '../files/errors.ts'

/**
 * Throws a Transient error (retried) with the code DiskUnusable if the file is in none of the directories that are
 * meant for disks.
 * @param what describes the file in the error's message, such as `the server's root disk is /x`
 */
export type PlaceCheck = (path: string, what: string) => Promise<void>

/** @param directories the directories in which disks may be; each may be a symbolic link */
export const newPlaceCheck =
  (directories: readonly string[]): PlaceCheck =>
  async (path, what) => {
    if (isInside(normalize(path), directories)) return
    const [real, ...realDirectories] = await Promise.all([path, ...directories].map(realpathIfExists))
    if (real !== undefined && isInside(real, realDirectories)) return
    throw new Transient(
      'DiskUnusable',
      `${what}, which is in none of the directories for disks (${directories.join(', ')}): an operator can add its directory to --disk-dirs of the agent; or copy it to one of the directories, and name the copy`,
    )
  }

const isInside = (path: string, directories: readonly (string | undefined)[]): boolean =>
  directories.some((directory) => directory !== undefined && path.startsWith(normalize(`${directory}/`)))

const realpathIfExists = (path: string): Promise<string | undefined> => realpath(path).catch(ignoreNotFound)

/** Parses --disk-dirs. Throws UsageError if one of the directories is no absolute path. */
export function parseDiskDirs(text: string): string[] {
  const directories = text.split(',').flatMap((part) => part.trim() || [])
  const wrong = directories.find((directory) => !directory.startsWith('/'))
  if (wrong !== undefined)
    throw new UsageError(`--disk-dirs: ${wrong} is no absolute path: write directories as /backup,/dev/vg0`)
  return directories
}
