import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface Memory {
  /** All fields are in MB (10^6 bytes). */
  rss: number
  /** Largest value since the start of the process. */
  peak: number
  /** Proportional set size: counts 1/n of memory that n processes share. */
  pss: number
}

const kB = (text: string, field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN)
const MB = 1024 / 1e6

/** Throws ENOENT if there is no such process. */
export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return { rss: kB(status, 'VmRSS') * MB, peak: kB(status, 'VmHWM') * MB, pss: kB(rollup, 'Pss') * MB }
}

export function filesOf(pid: number): { fds: number; sockets: number } {
  const links = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)]
    } catch {
      return [] // the descriptor was closed meanwhile
    }
  })
  return { fds: links.length, sockets: links.filter((link) => link.startsWith('socket:')).length }
}

/** User and system time, in seconds. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
