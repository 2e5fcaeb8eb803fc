// A command of check or test: run to its end, with what it said kept, its time taken.
import { spawn } from 'node:child_process'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..')

export interface Ended {
  code: number | null
  output: string
  /** Milliseconds. */
  time: number
}

/** `echo` also shows the output as it comes. */
export async function command(argv: readonly string[], { echo = false }: { echo?: boolean } = {}): Promise<Ended> {
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

export const seconds = (time: number): string => `${(time / 1000).toFixed(1)} s`
