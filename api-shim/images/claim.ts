/** Files whose existence is a lock. All replicas respect it, because they share the volume. */
import { type FileHandle, open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

/** Milliseconds since the last write; infinite if the file does not exist. */
export async function ageOf(path: string): Promise<number> {
  try {
    return Date.now() - (await stat(path)).mtimeMs
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return Number.POSITIVE_INFINITY
    throw error
  }
}

/** The paths of those files that nobody has written to for `ageMs`. */
export async function olderThan(dir: string, names: readonly string[], ageMs: number): Promise<string[]> {
  const paths = names.map((name) => join(dir, name))
  const ages = await Promise.all(paths.map(ageOf))
  return paths.filter((_, i) => Number.isFinite(ages[i]) && (ages[i] ?? 0) > ageMs)
}

/**
 * Creates the file. Undefined if it exists, unless the process that created it has ended.
 * @param staleMs a process that has not written to its file for this long has ended
 */
export async function claimFile(path: string, staleMs: number): Promise<FileHandle | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await open(path, 'wx', 0o600)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      if (attempt > 1 || (await ageOf(path)) < staleMs) return undefined
      await rm(path, { force: true })
    }
  }
}
