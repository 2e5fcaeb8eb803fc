/** Carries out the commands of a plan in their order; what fails for one network leaves the others alone. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { reloadDnsmasq, stopDnsmasq } from './processes.ts'
import type { RulesInForce } from './rules-in-force.ts'
import { CommandFailed, type Run } from './run.ts'
import type { Command } from './types.ts'

export interface Actor {
  readonly run: Run
  /** Folder of all networks' DHCP files. */
  readonly root: string
  readonly rules: RulesInForce
  readonly signal: AbortSignal
}

/**
 * Errors by network; the first one ends the commands of its network.
 * @throws what a command threw that all others depend on
 */
export async function carryOut(commands: readonly Command[], actor: Actor): Promise<Map<string, unknown>> {
  const failed = new Map<string, unknown>()
  for (const command of commands) {
    const { key } = command
    if (key !== undefined && failed.has(key)) continue
    actor.signal.throwIfAborted()
    try {
      await carryOutOne(command, actor)
    } catch (error) {
      if (key === undefined) throw error
      failed.set(key, error)
    }
  }
  return failed
}

async function carryOutOne(command: Command, { run, root, rules, signal }: Actor): Promise<void> {
  switch (command.do) {
    case 'exec':
      return execute(command, run, signal)
    case 'rules':
      return rules.put(command, signal)
    case 'write':
      return replaceFile(command.path, command.text)
    case 'remove':
      return rm(command.path, { recursive: true, force: true })
    case 'reload':
      return reloadDnsmasq(root, command.pid)
    case 'stop':
      return stopDnsmasq(root, command.pid, signal)
  }
}

async function execute(
  { argv, input, already }: Extract<Command, { do: 'exec' }>,
  run: Run,
  signal: AbortSignal,
): Promise<void> {
  try {
    await run(argv, { signal, ...(input === undefined ? {} : { input }) })
  } catch (error) {
    if (already !== undefined && error instanceof CommandFailed && error.stderr.includes(already)) return
    throw error
  }
}

/** Whole or not at all. Readable for all: dnsmasq gives up root before it reads its files again. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 })
  await writeFile(`${path}.new`, text, { mode: 0o644 })
  await rename(`${path}.new`, path)
}
