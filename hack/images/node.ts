import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cacheDirectory } from '../../test/rig/binaries.ts'
import { runCommand } from '../../test/rig/process.ts'
import { root } from '../command.ts'
import type { Architecture } from './names.ts'

/** Debian's names of architectures, and Node's. */
const nodeArchitectures: Record<Architecture, string> = { amd64: 'x64', arm64: 'arm64' }

/**
 * Returns the path of a Node binary. For this machine's architecture, that is the binary in node_modules. For another
 * architecture, the same version is downloaded from npm.
 */
export async function ensureNode(arch: Architecture): Promise<string> {
  const own = join(root, 'node_modules/node/bin/node')
  const nodeArch = nodeArchitectures[arch]
  if (nodeArch === process.arch) return own
  const version = (await runCommand([own, '--version'])).trim().replace(/^v/, '')
  const cached = join(cacheDirectory(), `node-${version}-${nodeArch}`)
  if (existsSync(cached)) return cached
  mkdirSync(dirname(cached), { recursive: true })
  const scratch = mkdtempSync(`${cached}.`)
  try {
    const archive = (
      await runCommand(['npm', 'pack', '--silent', `node-linux-${nodeArch}@${version}`], { cwd: scratch })
    ).trim()
    await runCommand(['tar', '-xzf', archive, 'package/bin/node'], { cwd: scratch })
    renameSync(join(scratch, 'package/bin/node'), cached)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  return cached
}
