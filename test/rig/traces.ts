// Finds what the cloud or host of a test has left on this machine, without relying on files that the cloud or host
// wrote.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { bridgeName } from './network.ts'
import { listMarkedProcesses, runCommand } from './process.ts'

export interface Traces {
  /**
   * PIDs of processes that have `dir` in an environment variable (see markEnv() in process.ts), in their arguments, or
   * in the path of a mount.
   */
  processes: number[]
  /** Interfaces in the root network namespace. */
  links: string[]
  mounts: string[]
  files: boolean
}

export const noTraces: Traces = { processes: [], links: [], mounts: [], files: false }

export async function findTraces(dir: string): Promise<Traces> {
  const links = (JSON.parse(await runCommand(['ip', '-j', 'link', 'show'])) as { ifname: string }[]).map(
    (l) => l.ifname,
  )
  const marks = new Set(listMarkedProcesses().flatMap((p) => (p.dir.startsWith(dir) ? p.pid : [])))
  const pids = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? Number(name) : []))
  const belongs = (pid: number) => marks.has(pid) || findLinesWith(`/proc/${pid}/cmdline`, dir).length > 0
  const hasMount = (pid: number) => findLinesWith(`/proc/${pid}/mountinfo`, dir).length > 0
  return {
    processes: pids.filter((pid) => pid !== process.pid && (belongs(pid) || hasMount(pid))),
    links: links.filter((link) => link.startsWith(bridgeName(dir))),
    mounts: findLinesWith('/proc/self/mountinfo', dir),
    files: existsSync(dir),
  }
}

function findLinesWith(file: string, text: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.includes(text))
  } catch {
    // The process has ended since /proc was listed.
    return []
  }
}
