import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface Build {
  name: string
  /** Name of a folder beside this file, with go.mod and go.sum. */
  module: string
  /** Import path of the main package. */
  source: string
  ldflags: string
  target: string
  log: (line: string) => void
}

const progressEvery = 15_000

export async function buildFromModules({ name, module, source, ldflags, target, log }: Build): Promise<void> {
  log(`${name}: building from Go modules (some minutes the first time)`)
  const started = performance.now()
  const seconds = () => Math.round((performance.now() - started) / 1000)
  const child = spawn(
    'go',
    ['build', '-v', '-trimpath', '-buildvcs=false', '-ldflags', ldflags, '-o', target, source],
    {
      cwd: join(import.meta.dirname, module),
      // Without cgo the binary needs no C library, so it also runs in the mount namespaces of test hosts.
      env: { ...process.env, CGO_ENABLED: '0' },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  // With -v, go prints a line for each compiled package to standard error, and error messages too.
  const outputLines: string[] = []
  createInterface(child.stderr).on('line', (line) => outputLines.push(line))
  const progress = setInterval(() => log(`${name}: ${outputLines.length} packages after ${seconds()} s`), progressEvery)
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', (cause) => reject(new Error('go is needed to build the control plane', { cause })))
      child.once('close', resolve)
    })
    if (code !== 0) throw new Error(`${name}: go build failed:\n${outputLines.slice(-20).join('\n')}`)
    log(`${name}: built in ${seconds()} s`)
  } finally {
    clearInterval(progress)
  }
}
