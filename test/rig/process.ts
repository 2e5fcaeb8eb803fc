// Processes that tests start. Each is identified by PID and start time, so that a signal never reaches a later process
// with the same PID. Each has a mark: an environment variable with the directory of its cloud or host, by which another
// process can find all processes of a cloud after a crash.
import { execFile, spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { waitUntil } from './wait-until.ts'

/** Identifies a process, even if a later process has the same PID. */
export interface ProcessId {
  pid: number
  /** Clock ticks between the boot of the machine and the start of the process: field 22 of /proc/PID/stat. */
  startTime: number
}

const markName = 'KUBENOVA_RIG'
const ownerName = 'KUBENOVA_RIG_OWNER'

/** State and start time from a stat file in /proc. Undefined: the process or thread does not exist. */
function readStat(path: string): { state: string; startTime: number } | undefined {
  let stat: string
  try {
    stat = readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
  // The command name in field 2 may contain spaces and parentheses, so fields are counted from the last ")".
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] ?? '', startTime: Number(fields[19]) }
}

const isDead = (state: string): boolean => state === 'Z' || state === 'X'

/** The identity of a running process. Undefined if the process does not exist or is a zombie. */
export function identifyProcess(pid: number): ProcessId | undefined {
  const stat = readStat(`/proc/${pid}/stat`)
  return stat && !isDead(stat.state) ? { pid, startTime: stat.startTime } : undefined
}

export function isAlive(id: ProcessId): boolean {
  return identifyProcess(id.pid)?.startTime === id.startTime
}

/**
 * Whether all threads of the process have ended, so that it has released its sockets and files. After a kill, the first
 * thread may be dead while other threads still hold them.
 */
function haveAllThreadsEnded({ pid, startTime }: ProcessId): boolean {
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

/**
 * Sends a signal to this process, never to a later process with the same PID. Returns false if the process has ended.
 */
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

/**
 * Sends a signal and waits until the process has ended. Sends SIGKILL if that takes longer than `patience`
 * milliseconds.
 */
export async function endProcess(id: ProcessId, name: NodeJS.Signals = 'SIGTERM', patience = 10_000): Promise<void> {
  if (!signalProcess(id, name)) return
  const hasEnded = () => haveAllThreadsEnded(id)
  if (name !== 'SIGKILL') {
    const isEnded = await waitUntil(hasEnded, { what: `end of process ${id.pid}`, deadline: patience }).catch(
      () => false,
    )
    if (isEnded) return
    signalProcess(id, 'SIGKILL')
  }
  await waitUntil(hasEnded, { what: `end of process ${id.pid} after SIGKILL` })
}

export function childPidsOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/**
 * Environment variables that mark a process as started for the cloud or host in `dir`. `owned`: the process must not
 * outlive this process.
 */
export function markEnv(dir: string, owned: boolean): Record<string, string> {
  const self = identifyProcess(process.pid)
  return { [markName]: dir, [ownerName]: owned && self ? `${self.pid}:${self.startTime}` : '' }
}

interface MarkedProcess extends ProcessId {
  dir: string
  owner?: ProcessId
}

/** All processes on this machine that have a mark. */
export function listMarkedProcesses(): MarkedProcess[] {
  const found: MarkedProcess[] = []
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry)
    const id = Number.isInteger(pid) && pid !== process.pid ? identifyProcess(pid) : undefined
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

/** Kills all processes with the mark of `dir` or of a directory in it, until none is left. */
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
  /** File to which standard output and standard error are appended. */
  log: string
  env?: Record<string, string | undefined>
  cwd?: string
  /** True: the process must not outlive this process. If it does, the next test run ends it. */
  owned?: boolean
}

/** Starts a process in its own session and with the mark of `dir`. It keeps running when this process ends. */
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
  const id = child.pid === undefined ? undefined : identifyProcess(child.pid)
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

/**
 * Runs a command and resolves to its standard output. Rejects with an error that has the command line and standard
 * error.
 */
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
