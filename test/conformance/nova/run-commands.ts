import { spawn } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { ensureClients } from '../../rig/openstack-clients.ts'
import { type CommandLine, commandLines, commandOf } from './command-lines.ts'
import { createNovaStand, type NovaStand } from './nova-stand.ts'
import type { RecordedRequest } from './record.ts'

export interface CommandResult {
  command: string
  line: string
  admin: boolean
  /** The status with which the command ends. */
  exit: number
  /** The command's error message; absent if the command succeeds. */
  error?: string
  requests: RecordedRequest[]
}

interface Driver extends AsyncDisposable {
  run(line: readonly string[]): Promise<{ exit: number; error: string }>
}

/** `nova ssh` must find a program `ssh`; this one does nothing. */
async function startDriver(dir: string): Promise<Driver> {
  symlinkSync('/bin/true', join(dir, 'ssh'))
  const python = join(await ensureClients(), 'bin/python')
  const env = { ...process.env, PATH: `${dir}:${process.env['PATH']}` }
  const child = spawn(python, [join(import.meta.dirname, 'driver.py')], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async run(line) {
      child.stdin.write(`${JSON.stringify({ line })}\n`)
      const { value, done } = await answers.next()
      if (done === true) throw new Error('the Python process has ended')
      return JSON.parse(value) as { exit: number; error: string }
    },
    async [Symbol.asyncDispose]() {
      child.kill()
    },
  }
}

/** Replaces request IDs and UUIDs, which differ from run to run. */
const withoutIds = (text: string): string =>
  text
    .replaceAll(/req-[0-9a-f-]{36}/g, 'req-…')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '…')
    .replaceAll(/\s*\(Request-ID: [^)]*\)/g, '')

async function runLine(commandLine: CommandLine, stand: NovaStand, driver: Driver): Promise<CommandResult> {
  const { line, admin = false, from = 'active' } = commandLine
  const names = await stand.prepare(from)
  stand.takeRequests()
  const words = line.match(/\{[^}]*\}|\S+/g) ?? []
  const filled = words.map((word) => (word.startsWith('{') ? (names.get(word.slice(1, -1)) ?? word) : word))
  const { exit, error } = await driver.run([...stand.login(admin ? 'cloud-admin' : 'demo'), ...filled])
  const requests = stand.takeRequests()
  const command = commandOf(commandLine)
  return { command, line, admin, exit, ...(error === '' ? {} : { error: withoutIds(error) }), requests }
}

export async function runCommands(dir: string, lines = commandLines): Promise<CommandResult[]> {
  await using stand = await createNovaStand(dir)
  await using driver = await startDriver(dir)
  const results: CommandResult[] = []
  for (const line of lines) results.push(await runLine(line, stand, driver))
  return results
}
