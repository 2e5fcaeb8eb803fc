/** Reads the results that record-results.ts has written, and says for each command whether it works. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandOf } from './command-lines.ts'
import type { RecordedRequest } from './record.ts'
import type { CommandResult } from './run-commands.ts'

/** The commands that operators of Nova use. Novaclient of PyPI does not have all of them. */
export const readCommands = (): string[] =>
  readFileSync(join(import.meta.dirname, 'commands.txt'), 'utf8')
    .trim()
    .split('\n')

export const readResults = (): CommandResult[] =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'results.json'), 'utf8')) as CommandResult[]

/** The requests that make up the command: all that write, or the last one that reads. Before it stand look-ups. */
export function mainRequestsOf({ requests }: Pick<CommandResult, 'requests'>): RecordedRequest[] {
  const writes = requests.filter(({ method }) => method !== 'GET')
  return writes.length > 0 ? writes : requests.slice(-1)
}

/** Whether the command succeeded. Some commands for whole hosts succeed although what they ask for is refused. */
export const hasWorked = (result: CommandResult): boolean =>
  result.exit === 0 && mainRequestsOf(result).every(({ status }) => status < 400)

/** The results of each command, in the order of commands.txt. A command that novaclient does not have has none. */
export function resultsByCommand(): Map<string, CommandResult[]> {
  const byCommand = new Map(readCommands().map((command): [string, CommandResult[]] => [command, []]))
  for (const result of readResults()) byCommand.get(commandOf(result))?.push(result)
  return byCommand
}
