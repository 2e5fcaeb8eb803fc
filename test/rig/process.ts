// Processes of the rig: each is known by pid and start time, and carries a mark in its environment, so that a later
// process finds all of a cloud's processes after any crash and never signals a pid that has been used again.
import { execFile, spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { waitUntil } from './wait-until.ts'

/** A process, told apart from a later one with the same pid. */
export interface ProcessId {
  pid: number
  /** Clock ticks after boot: field 22 of /proc/PID/stat. */
  startTime: number
}

const markName = 'KUBENOVA_RIG'
const ownerName = 'KUBENOVA_RIG_OWNER'

/** State and start time out of a stat file in /proc; undefined: there is no such process or thread. */
function readStat(path: string): { state: string; startTime: number } | undefined {
  let stat: string
  try {
    stat = readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
  // The command name in field 2 may hold spaces and parentheses: count from its last ")".
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] ?? '', startTime: Number(fields[19]) }
}

const isDead = (state: string): boolean => state === 'Z' || state === 'X'

/** The identity of a running process; undefined if there is none, or only its zombie. */
export function processIdOf(pid: number): ProcessId | undefined {
  const stat = readStat(`/proc/${pid}/stat`)
  return stat && !isDead(stat.state) ? { pid, startTime: stat.startTime } : undefined
}

export function isAlive(id: ProcessId): boolean {
  return processIdOf(id.pid)?.startTime === id.startTime
}

/**
 * Nothing of it holds anything any more. Of a process with threads that is killed the first thread may be dead, and the process look so,
 * while others still hold its sockets and files.
 */
function hasReleasedAll({ pid, startTime }: ProcessId): boolean {
  if (readStat(`/proc/${pid}/stat`)?.startTime !== startTime) return true
  return threadsOf(pid).every((thread) => isDead(readStat(`/proc/${pid}/task/${thread}/stat`)?.state ?? 'X'))
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

/** Sends a signal if the process is still the one meant. False: it is gone. */
export function signalProcess(id: ProcessId, name: NodeJS.Signals): boolean {
  if (!isAlive(id)) return false
  try {
    process.kill(id.pid, name)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

/** Signals and waits until it is gone; SIGKILL if it stays for longer than `patience` milliseconds. */
export async function endProcess(id: ProcessId, name: NodeJS.Signals = 'SIGTERM', patience = 10_000): Promise<void> {
  if (!signalProcess(id, name)) return
  const gone = () => hasReleasedAll(id)
  if (name !== 'SIGKILL') {
    const left = await waitUntil(gone, { what: `end of process ${id.pid}`, deadline: patience }).catch(() => false)
    if (left) return
    signalProcess(id, 'SIGKILL')
  }
  await waitUntil(gone, { what: `end of process ${id.pid} after SIGKILL` })
}

/** Direct children, as the kernel lists them. */
export function childPidsOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** The environment that marks a process as part of the rig in `dir`; `owned`: it shall not outlive this process. */
export function markEnv(dir: string, owned: boolean): Record<string, string> {
  const self = processIdOf(process.pid)
  return { [markName]: dir, [ownerName]: owned && self ? `${self.pid}:${self.startTime}` : '' }
}

interface MarkedProcess extends ProcessId {
  dir: string
  owner?: ProcessId
}

/** Every process on the machine with a mark of the rig. */
export function listMarkedProcesses(): MarkedProcess[] {
  const found: MarkedProcess[] = []
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry)
    const id = Number.isInteger(pid) && pid !== process.pid ? processIdOf(pid) : undefined
    const env = id && environmentOf(pid)
    const dir = env?.get(markName)
    if (!id || !env || !dir) continue
    const [ownerPid, ownerStart] = (env.get(ownerName) ?? '').split(':').map(Number)
    found.push(
      ownerPid && ownerStart ? { ...id, dir, owner: { pid: ownerPid, startTime: ownerStart } } : { ...id, dir },
    )
  }
  return found
}

function environmentOf(pid: number): Map<string, string> | undefined {
  try {
    const pairs = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
    return new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
  } catch {
    return undefined
  }
}

/** Ends everything that bears the mark of `dir` or of a directory in it, whoever started it; looks again until nothing is left. */
export async function endMarkedProcesses(dir: string): Promise<void> {
  await waitUntil(
    async () => {
      const left = listMarkedProcesses().filter((p) => p.dir === dir || p.dir.startsWith(`${dir}/`))
      await Promise.all(left.map((p) => endProcess(p, 'SIGKILL')))
      return left.length === 0
    },
    { what: `end of the processes of ${dir}` },
  )
}

export interface SpawnOptions {
  dir: string
  /** File that takes standard output and error; appended. */
  log: string
  env?: Record<string, string | undefined>
  cwd?: string
  /** The process ends with us if we clean up, and is swept by the next run if we could not. */
  owned?: boolean
}

/** Starts a process that lives on after us, in its own session, with the mark of `dir`. */
export async function spawnMarked(argv: readonly string[], options: SpawnOptions): Promise<Running> {
  const [file = '', ...args] = argv
  const log = openSync(options.log, 'a')
  const child = spawn(file, args, {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, ...options.env, ...markEnv(options.dir, options.owned ?? false) },
    ...(options.cwd ? { cwd: options.cwd } : {}),
  })
  closeSync(log)
  const exited = new Promise<Exit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })))
  await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject))
  child.unref()
  const id = child.pid === undefined ? undefined : processIdOf(child.pid)
  if (!id) throw new Error(`${file} ended at once; see ${options.log}`)
  return { ...id, exited }
}

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface Running extends ProcessId {
  exited: Promise<Exit>
}

export interface RunOptions {
  cwd?: string
  env?: Record<string, string | undefined>
  signal?: AbortSignal
  timeout?: number
}

const execFileAsync = promisify(execFile)

/** Runs a command to its end and gives its standard output. Throws with the command line and what it said. */
export async function runCommand(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const [file = '', ...args] = argv
  try {
    const { stdout } = await execFileAsync(file, args, {
      maxBuffer: 64 << 20,
      ...options,
      env: { ...process.env, ...options.env },
    })
    return stdout
  } catch (cause) {
    const { stderr, message } = cause as Error & { stderr?: string }
    throw new Error(`${argv.join(' ')}: ${stderr?.trim() || message}`, { cause })
  }
}
