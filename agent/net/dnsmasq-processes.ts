import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Transient } from '../../crds/errors.ts'

/**
 * Returns the ids of the agent's dnsmasq processes by network key. dnsmasq's pid file is not reliable: it may name
 * another process or may not be written yet.
 */
export async function findDnsmasqPids(root: string): Promise<Map<string, number[]>> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const keys = await Promise.all(pids.map(async (pid) => ({ pid, key: await networkKeyOfProcess(root, pid) })))
  const byKey = new Map<string, number[]>()
  for (const { pid, key } of keys) if (key !== undefined) byKey.set(key, [...(byKey.get(key) ?? []), pid])
  return byKey
}

/**
 * Returns the network key in the command line `dnsmasq --conf-file=<root>/<key>/conf`; undefined for other programs and
 * ended processes.
 */
async function networkKeyOfProcess(root: string, pid: number): Promise<string | undefined> {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  const [program = '', argument = ''] = line.split('\0')
  const start = `--conf-file=${root}/`
  if (!program.endsWith('dnsmasq') || !argument.startsWith(start)) return undefined
  return /^([0-9a-f]{12})\/conf$/.exec(argument.slice(start.length))?.[1]
}

/**
 * Returns whether the signal was sent: not if the process has ended or is not the agent's dnsmasq.
 * @throws a Transient error (retried) with the code DhcpUnreachable if the agent may not signal the process
 */
async function signalDnsmasq(root: string, pid: number, signal: NodeJS.Signals): Promise<boolean> {
  if ((await networkKeyOfProcess(root, pid)) === undefined) return false
  try {
    return process.kill(pid, signal)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw new Transient('DhcpUnreachable', `The agent cannot send ${signal} to process ${pid} (dnsmasq)`, { cause })
  }
}

/** Makes dnsmasq read its hosts and options again. Does nothing if dnsmasq has ended. */
export async function reloadDnsmasq(root: string, pid: number): Promise<void> {
  await signalDnsmasq(root, pid, 'SIGHUP')
}

/**
 * Sends SIGTERM and, after 2 s, SIGKILL. Waits for the end, because the next dnsmasq needs the same UDP port.
 * @throws a Transient error (retried) with the code DhcpStuck if the process has not ended 2 s after SIGKILL
 */
export async function stopDnsmasq(root: string, pid: number, signal: AbortSignal): Promise<void> {
  for (const endSignal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!(await signalDnsmasq(root, pid, endSignal))) return
    const deadline = performance.now() + 2000
    while (performance.now() < deadline) {
      if ((await networkKeyOfProcess(root, pid)) === undefined) return
      await delay(5, undefined, { signal })
    }
  }
  throw new Transient('DhcpStuck', `Process ${pid} (dnsmasq) did not end after SIGKILL`)
}
