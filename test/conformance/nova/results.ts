import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandOf } from './command-lines.ts'
import type { RecordedRequest } from './record.ts'
import type { CommandResult } from './run-commands.ts'

/** The commands that operators of Nova use. novaclient from PyPI lacks some of them. */
export const readCommands = (): string[] =>
  readFileSync(join(import.meta.dirname, 'commands.txt'), 'utf8')
    .trim()
    .split('\n')

export const readResults = (): CommandResult[] =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'results.json'), 'utf8')) as CommandResult[]

/**
 * Returns all writing requests. If there are none, returns only the last reading request, because the earlier ones are
 * look-ups.
 */
export function mainRequestsOf({ requests }: Pick<CommandResult, 'requests'>): RecordedRequest[] {
  const writes = requests.filter(({ method }) => method !== 'GET')
  return writes.length > 0 ? writes : requests.slice(-1)
}

/**
 * Checks the requests as well as the exit code, because some commands for whole hosts exit with 0 although their
 * requests are refused.
 */
export const hasWorked = (result: CommandResult): boolean =>
  result.exit === 0 && mainRequestsOf(result).every(({ status }) => status < 400)

/** In the order of commands.txt. Empty for a command that novaclient does not have. */
export function resultsByCommand(): Map<string, CommandResult[]> {
  const byCommand = new Map(readCommands().map((command): [string, CommandResult[]] => [command, []]))
  for (const result of readResults()) byCommand.get(commandOf(result))?.push(result)
  return byCommand
}
