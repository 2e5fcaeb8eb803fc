// What is left of a rig on the machine, found without the rig's own records: for tests that say "nothing".
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { bridgeName } from './network.ts'
import { listMarkedProcesses, runCommand } from './process.ts'

export interface Traces {
  /** pids of processes that bear the mark of `dir`, name it in their arguments, or have something of it mounted. */
  processes: number[]
  /** Names of network interfaces in the root namespace. */
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
  const belongs = (pid: number) => marks.has(pid) || lines(`/proc/${pid}/cmdline`, dir).length > 0
  const sees = (pid: number) => lines(`/proc/${pid}/mountinfo`, dir).length > 0
  return {
    processes: pids.filter((pid) => pid !== process.pid && (belongs(pid) || sees(pid))),
    links: links.filter((link) => link.startsWith(bridgeName(dir))),
    mounts: lines('/proc/self/mountinfo', dir),
    files: existsSync(dir),
  }
}

function lines(file: string, text: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.includes(text))
  } catch {
    // The process has ended since it was listed.
    return []
  }
}
