import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { installPackages } from '../../rig/packages.ts'
import { runCommand } from '../../rig/process.ts'
import type { Cost, Task } from './worker.ts'

const here = import.meta.dirname
const python = '/usr/bin/python3'
const goBinary = join(homedir(), '.cache/kubenova/bin/bench-go-libvirt')

/** If a client cannot be installed on this machine, logs why and returns undefined for it. */
export async function prepareRivals(): Promise<{ python: string[] | undefined; go: string[] | undefined }> {
  return { python: await preparePythonClient(), go: await prepareGoClient() }
}

async function preparePythonClient(): Promise<string[] | undefined> {
  const isInstalled = () =>
    runCommand([python, '-c', 'import libvirt']).then(
      () => true,
      () => false,
    )
  if (!(await isInstalled())) {
    await installPackages(['python3-libvirt'], console.log).catch(logLeftOut)
  }
  return (await isInstalled()) ? [python, join(here, 'python-client.py')] : undefined
}

async function prepareGoClient(): Promise<string[] | undefined> {
  // Built every time, because the source may have changed.
  if (!existsSync(goBinary)) console.log('# building test/bench/go-libvirt (minutes the first time)')
  const build = ['go', 'build', '-trimpath', '-buildvcs=false', '-o', goBinary, '.']
  await runCommand(build, { cwd: join(here, '../go-libvirt') }).catch(logLeftOut)
  return existsSync(goBinary) ? [goBinary] : undefined
}

function logLeftOut(error: unknown): void {
  console.log(`# left out: ${error instanceof Error ? error.message : String(error)}`)
}

export const ownClientArgv = [process.execPath, join(here, 'own-client.ts')]
export const bareSocketArgv = [process.execPath, join(here, 'bare-socket.ts')]
/** The process that causes the libvirt events which the clients receive. */
export const eventSourceArgv = [process.execPath, join(here, 'event-source.ts')]

/** The running process of a client. */
export interface Client {
  run(task: Task): Promise<Cost>
  close(): Promise<void>
}

export async function startClient(argv: readonly string[]): Promise<Client> {
  const [file = '', ...args] = argv
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = new Promise<void>((resolve, reject) => child.once('exit', () => resolve()).once('error', reject))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const answer = async (): Promise<unknown> => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`${argv.join(' ')} ended`)
    return JSON.parse(value)
  }
  await answer()
  return {
    run: async (task) => {
      child.stdin.write(`${JSON.stringify(task)}\n`)
      return (await answer()) as Cost
    },
    close: async () => {
      child.stdin.end()
      await exited
    },
  }
}
