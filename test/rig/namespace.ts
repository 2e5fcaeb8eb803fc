// Processes of a PID namespace as the root namespace sees them: libvirt's pid files hold the inner pid, signals need the
// outer one.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { type ProcessId, processIdOf } from './process.ts'

/** The process that has pid `inner` in the PID namespace of which `member` is a member. */
export function outerProcess(member: number, inner: number): ProcessId | undefined {
  const namespace = namespaceOf(member)
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (Number.isInteger(pid) && namespaceOf(pid) === namespace && innerPid(pid) === inner) return processIdOf(pid)
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

/** The last of NSpid: the pid in the innermost namespace. */
function innerPid(pid: number): number | undefined {
  try {
    const line = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Number(line?.split(/\s+/).at(-1))
  } catch {
    return undefined
  }
}
