/**
 * The files of a serial console's log. QEMU or virtlogd writes the log. The agent or virtlogd moves older output to the
 * rotated files <log>.0 (the newest), <log>.1 and so on.
 */
import { type FileHandle, open, readdir } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { ignoreNotFound } from '../files/errors.ts'

/** Returns the paths of the rotated files that exist, newest first. */
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

/** Opens a log for reading; undefined if it does not exist. */
export async function openLog(log: string): Promise<FileHandle | undefined> {
  return open(log, 'r').catch(ignoreNotFound)
}
