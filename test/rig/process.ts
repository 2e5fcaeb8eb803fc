// PID and start time identify a process, so that a signal never hits a later process with the same PID. Each process
// that the rig starts has an environment variable, its mark: the directory of its test cloud or host. If the test
// process crashes, the next one uses the marks to find and end the processes that were left.
import { execFile, spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { waitUntil } from './wait-until.ts'

export interface ProcessId {
  pid: number
  /** Clock ticks from the boot of the machine to the start of the process (field 22 of /proc/PID/stat). */
  startTime: number
}

const markName = 'KUBENOVA_RIG'
const ownerName = 'KUBENOVA_RIG_OWNER'

/** Reads a stat file in /proc; undefined: the process or thread does not exist. */
function readStat(path: string): { state: string; startTime: number } | undefined {
  let stat: string
  try {
    stat = readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
  // The command name (field 2) may contain spaces and parentheses, so count the fields from the last ")".
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] ?? '', startTime: Number(fields[19]) }
}

const isDead = (state: string): boolean => state === 'Z' || state === 'X'

/** undefined: there is no such process, or it is a zombie. */
export function identifyProcess(pid: number): ProcessId | undefined {
  const stat = readStat(`/proc/${pid}/stat`)
  return stat && !isDead(stat.state) ? { pid, startTime: stat.startTime } : undefined
}

export function isAlive(id: ProcessId): boolean {
  return identifyProcess(id.pid)?.startTime === id.startTime
}

/**
 * Checks all threads of the process. After a kill, the first thread may die before the others, and sockets and files
 * are released only when the last thread has ended.
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

/** Sends a signal, but never to a later process with the same PID. Returns false if the process has ended. */
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

/** After `patience` milliseconds, sends SIGKILL. */
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
 * Environment variables that mark a process as one of the cloud or host in `dir`.
 * @param owned true: if the calling process is killed, the next test run ends the marked process
 */
export function markEnv(dir: string, owned: boolean): Record<string, string> {
  const self = identifyProcess(process.pid)
  return { [markName]: dir, [ownerName]: owned && self ? `${self.pid}:${self.startTime}` : '' }
}

interface MarkedProcess extends ProcessId {
  dir: string
  owner?: ProcessId
}

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

/** Kills the processes that are marked with `dir` or a directory in it (see markEnv()), until none is left. */
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
  log: string
  env?: Record<string, string | undefined>
  cwd?: string
  /** True: if the process that starts the new process is killed, the next test run ends the new process. */
  owned?: boolean
}

/**
 * An environment variable marks the process as one of the cloud or host in `dir`. It has its own session, and keeps
 * running when this process ends.
 */
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

/** Resolves to standard output. The error of a failed command contains the command line and standard error. */
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
