// The clients of the bench: what each is, how it comes to be there, and a process of each that does tasks.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { installPackages } from '../../rig/packages.ts'
import { runCommand } from '../../rig/process.ts'
import type { Measured, Task } from './worker.ts'

const here = import.meta.dirname
const python = '/usr/bin/python3'
const goBinary = join(homedir(), '.cache/kubenova/bin/bench-go-libvirt')

/** Installs or builds what is missing, and says so. Undefined: this machine cannot have it; the bench goes without. */
export async function rivals(): Promise<{ python: string[] | undefined; go: string[] | undefined }> {
  return { python: await pythonLibvirt(), go: await goLibvirt() }
}

async function pythonLibvirt(): Promise<string[] | undefined> {
  const there = () =>
    runCommand([python, '-c', 'import libvirt']).then(
      () => true,
      () => false,
    )
  if (!(await there())) {
    await installPackages(['python3-libvirt'], console.log).catch(without)
  }
  return (await there()) ? [python, join(here, 'rival.py')] : undefined
}

async function goLibvirt(): Promise<string[] | undefined> {
  // Also if it is there: Go's cache makes that quick, and the source may have changed.
  if (!existsSync(goBinary)) console.log('# building test/bench/go-libvirt (minutes the first time)')
  const build = ['go', 'build', '-trimpath', '-buildvcs=false', '-o', goBinary, '.']
  await runCommand(build, { cwd: join(here, '../go-libvirt') }).catch(without)
  return existsSync(goBinary) ? [goBinary] : undefined
}

function without(error: unknown): void {
  console.log(`# left out: ${error instanceof Error ? error.message : String(error)}`)
}

export const ours = [process.execPath, join(here, 'ours.ts')]
export const floor = [process.execPath, join(here, 'floor.ts')]
/** Makes the events. */
export const flicker = [process.execPath, join(here, 'flicker.ts')]

/** A client that is up. */
export interface Client {
  ask(task: Task): Promise<Measured>
  close(): Promise<void>
}

export async function start(argv: readonly string[]): Promise<Client> {
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
    ask: async (task) => {
      child.stdin.write(`${JSON.stringify(task)}\n`)
      // What a client answers to a task; worker.ts says so.
      return (await answer()) as Measured
    },
    close: async () => {
      child.stdin.end()
      await exited
    },
  }
}
