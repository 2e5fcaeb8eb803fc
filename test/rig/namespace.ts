// Finds processes of a PID namespace from the root namespace: libvirt's pid files hold the pid inside the namespace,
// but signals need the pid outside.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { type ProcessId, processIdOf } from './process.ts'

/** The process with pid `inner` in the PID namespace that process `member` belongs to. */
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

/** The pid in the innermost namespace: the last number of NSpid. */
function innerPid(pid: number): number | undefined {
  try {
    const line = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Number(line?.split(/\s+/).at(-1))
  } catch {
    return undefined
  }
}
