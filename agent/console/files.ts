/**
 * The files of a serial console's log. Older output is in the rotated files <log>.0 (the newest), <log>.1 and so on.
 */
import { type FileHandle, open, readdir } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { ignoreNotFound } from '../files/errors.ts'

export async function listRotatedFiles(log: string): Promise<string[]> {
  const prefix = `${basename(log)}.`
  const names = (await readdir(dirname(log)).catch(ignoreNotFound)) ?? []
  return names
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .filter((suffix) => /^(0|[1-9]\d*)$/.test(suffix))
    .sort((a, b) => Number(a) - Number(b))
    .map((suffix) => `${log}.${suffix}`)
}

/** Returns undefined if the log does not exist. */
export async function openLog(log: string): Promise<FileHandle | undefined> {
  return open(log, 'r').catch(ignoreNotFound)
}
