import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { reloadDnsmasq, stopDnsmasq } from './dnsmasq-processes.ts'
import type { RulesInForce } from './rules-in-force.ts'
import { CommandFailed, type RunProgram } from './run.ts'
import type { Command } from './types.ts'

export interface CommandContext {
  readonly runProgram: RunProgram
  readonly root: string
  readonly rules: RulesInForce
  readonly signal: AbortSignal
}

/**
 * After a failed command, skips the remaining commands of the same network. Resolves to the errors by network key
 * (names.ts).
 * @throws the error of a command that has no network key, because all later commands depend on it
 */
export async function runCommands(
  commands: readonly Command[],
  context: CommandContext,
): Promise<Map<string, unknown>> {
  const failed = new Map<string, unknown>()
  for (const command of commands) {
    const { key } = command
    if (key !== undefined && failed.has(key)) continue
    context.signal.throwIfAborted()
    try {
      await runCommand(command, context)
    } catch (error) {
      if (key === undefined) throw error
      failed.set(key, error)
    }
  }
  return failed
}

async function runCommand(command: Command, { runProgram, root, rules, signal }: CommandContext): Promise<void> {
  switch (command.do) {
    case 'exec':
      return execProgram(command, runProgram, signal)
    case 'rules':
      return rules.apply(command, signal)
    case 'write':
      return replaceFileAtomically(command.path, command.text)
    case 'remove':
      return rm(command.path, { recursive: true, force: true })
    case 'reload':
      return reloadDnsmasq(root, command.pid)
    case 'stop':
      return stopDnsmasq(root, command.pid, signal)
  }
}

async function execProgram(
  { argv, input, ignoredError }: Extract<Command, { do: 'exec' }>,
  runProgram: RunProgram,
  signal: AbortSignal,
): Promise<void> {
  try {
    await runProgram(argv, { signal, ...(input === undefined ? {} : { input }) })
  } catch (error) {
    const isIgnored =
      ignoredError !== undefined && error instanceof CommandFailed && error.stderr.includes(ignoredError)
    if (isIgnored) return
    throw error
  }
}

/**
 * After a crash of the agent, the file is either the whole old one or the whole new one. It is readable for all,
 * because dnsmasq rereads it after it has dropped root.
 */
export async function replaceFileAtomically(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 })
  await writeFile(`${path}.new`, text, { mode: 0o644 })
  await rename(`${path}.new`, path)
}
