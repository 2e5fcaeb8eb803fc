// libvirt's PID files hold the PID inside a PID namespace, but a signal from outside needs the outer PID.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { identifyProcess, type ProcessId } from './process.ts'

/**
 * Finds the process with the PID `inner` in a PID namespace.
 * @param member outer PID of any process in that namespace
 */
export function outerProcess(member: number, inner: number): ProcessId | undefined {
  const namespace = namespaceOf(member)
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (Number.isInteger(pid) && namespaceOf(pid) === namespace && innerPid(pid) === inner) return identifyProcess(pid)
  }
  return undefined
}

function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return undefined
  }
}

/** The PID in the innermost PID namespace: the last number of the field NSpid in /proc/PID/status. */
function innerPid(pid: number): number | undefined {
  try {
    const line = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Number(line?.split(/\s+/).at(-1))
  } catch {
    return undefined
  }
}
