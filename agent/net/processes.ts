/** The dnsmasq processes of our networks, known by the file on their command line, and how they are told and ended. */
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Transient } from '../../crds/errors.ts'

/**
 * Process ids by network key. The command line is the identity: a pid file may be old and its number taken by another, and is
 * not there yet while dnsmasq starts.
 */
export async function findDnsmasq(root: string): Promise<Map<string, number[]>> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const keys = await Promise.all(pids.map(async (pid) => ({ pid, key: await keyOfProcess(root, pid) })))
  const byKey = new Map<string, number[]>()
  for (const { pid, key } of keys) if (key !== undefined) byKey.set(key, [...(byKey.get(key) ?? []), pid])
  return byKey
}

/** The key in `dnsmasq --conf-file=<root>/<key>/conf`; undefined: another program, or ended meanwhile. */
async function keyOfProcess(root: string, pid: number): Promise<string | undefined> {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  const [program = '', argument = ''] = line.split('\0')
  const start = `--conf-file=${root}/`
  if (!program.endsWith('dnsmasq') || !argument.startsWith(start)) return undefined
  return /^([0-9a-f]{12})\/conf$/.exec(argument.slice(start.length))?.[1]
}

/** Sends it where the process still is the one; false: it is gone. */
async function signalIfOurs(root: string, pid: number, signal: NodeJS.Signals): Promise<boolean> {
  if ((await keyOfProcess(root, pid)) === undefined) return false
  try {
    return process.kill(pid, signal)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw new Transient('DhcpUnreachable', `Process ${pid} (dnsmasq) cannot be sent ${signal}`, { cause })
  }
}

/** Has it read its hosts and options again; one that is gone will be found missing by the next look. */
export async function reloadDnsmasq(root: string, pid: number): Promise<void> {
  await signalIfOurs(root, pid, 'SIGHUP')
}

/** Ends it, and waits until it is gone: the next one needs its port. Asked first, forced after 2 s. */
export async function stopDnsmasq(root: string, pid: number, signal: AbortSignal): Promise<void> {
  for (const how of ['SIGTERM', 'SIGKILL'] as const) {
    if (!(await signalIfOurs(root, pid, how))) return
    const deadline = performance.now() + 2000
    while (performance.now() < deadline) {
      if ((await keyOfProcess(root, pid)) === undefined) return
      await delay(5, undefined, { signal })
    }
  }
  throw new Transient('DhcpStuck', `Process ${pid} (dnsmasq) does not end`)
}
