/** Files of a console's log: the log, and what was rotated from it, by us or by virtlogd: <log>.0 is the newest. */
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'

/** Numbers of the rotated files that exist, newest first. */
export async function rotated(log: string): Promise<number[]> {
  const prefix = `${basename(log)}.`
  const names = (await readdir(dirname(log)).catch(absent)) ?? []
  const numbers = names.filter((n) => n.startsWith(prefix)).map((n) => n.slice(prefix.length))
  return numbers
    .filter((n) => /^(0|[1-9]\d*)$/.test(n))
    .map(Number)
    .sort((a, b) => a - b)
}

export async function openLog(log: string): Promise<FileHandle | undefined> {
  return open(log, 'r').catch(absent)
}

export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(absent)) !== undefined
}

/** For catch: what is not there is undefined. */
export function absent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}
