import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { removeHostCgroups } from './kubelet/cgroups.ts'
import { removeNetwork } from './network.ts'
import { endProcess, isAlive, listMarkedProcesses } from './process.ts'

const prefix = 'kubenova-'
const artefacts = join(import.meta.dirname, '../artefacts')

/** The path is short, because the paths of UNIX sockets in it are limited to 107 bytes. */
export function createScratchDirectory(): string {
  return mkdtempSync(join(tmpdir(), prefix))
}

/** Copies logs and state to test/artefacts/NAME, to analyse a failure. Returns the path of the copy. */
export function keepArtefacts(dir: string, name: string): string {
  const target = join(artefacts, name.replaceAll(/[^\w.-]+/g, '_'))
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target, { recursive: true })
  if (existsSync(dir))
    cpSync(dir, target, {
      recursive: true,
      filter: (file) => /(\.(log|json|xml|yaml|conf)|\/[^.]*)$/.test(file) && !isBulk(file),
    })
  return target
}

/** Data files are too large, sockets cannot be copied, and keys do not help to explain a failure. */
function isBulk(file: string): boolean {
  return ['etcd', 'run', 'certs', 'images', 'state'].includes(basename(file)) || /-sock|\.sock|\.key$/.test(file)
}

/** A cloud is orphaned if its owner, the test process that started it, has ended. A cloud without an owner stays. */
export async function removeOrphanedClouds(): Promise<void> {
  const orphans = listMarkedProcesses().filter((p) => p.owner && !isAlive(p.owner))
  for (const orphan of orphans) await endProcess(orphan, 'SIGKILL')
  for (const dir of new Set(orphans.map((p) => cloudDirectory(p.dir)))) {
    await removeNetwork(dir)
    await removeHostCgroups(dir)
    if (basename(dir).startsWith(prefix)) rmSync(dir, { recursive: true, force: true })
  }
}

/**
 * Returns the directory DIR of a cloud.
 * @param dir DIR, DIR/control-plane or DIR/hosts/NAME
 */
function cloudDirectory(dir: string): string {
  if (basename(dir) === 'control-plane') return dirname(dir)
  return basename(dirname(dir)) === 'hosts' ? dirname(dirname(dir)) : dir
}
