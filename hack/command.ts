import { spawn } from 'node:child_process'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..')

export interface CommandResult {
  code: number | null
  output: string
  /** How long the command ran, in milliseconds. */
  time: number
}

/** Resolves when the command has exited, also if it failed. With `echo`, its output is also printed as it comes. */
export async function runCommand(
  argv: readonly string[],
  { echo = false }: { echo?: boolean } = {},
): Promise<CommandResult> {
  const [file = '', ...args] = argv
  const started = performance.now()
  const path = `${join(root, 'node_modules/.bin')}:${process.env['PATH']}`
  const child = spawn(file, args, { cwd: root, env: { ...process.env, PATH: path }, stdio: ['ignore', 'pipe', 'pipe'] })
  const chunks: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      if (echo) process.stdout.write(chunk)
    })
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve)
  })
  return { code, output: Buffer.concat(chunks).toString(), time: performance.now() - started }
}

export const formatSeconds = (time: number): string => `${(time / 1000).toFixed(1)} s`
