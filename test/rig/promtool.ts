// Provides promtool, which checks and tests alert rules: from the environment variable KUBENOVA_PROMTOOL, the PATH, the
// cache, or Debian's package `prometheus`, which is unpacked but not installed, so that no service starts.
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { cacheDirectory } from './binaries.ts'
import { runCommand } from './process.ts'

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The path of promtool. */
export async function ensurePromtool(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const cached = join(cacheDirectory(env), 'promtool')
  const places = (env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'promtool'))
  const found = [env['KUBENOVA_PROMTOOL'], ...places, cached].find((file) => file && isExecutable(file))
  return found ?? unpackPromtool(cached)
}

async function unpackPromtool(target: string): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'promtool-'))
  try {
    await runCommand(['apt-get', 'download', '-qq', 'prometheus'], { cwd: dir, timeout: 120_000 })
    const archive = readdirSync(dir).find((file) => file.endsWith('.deb')) ?? ''
    await runCommand(['dpkg', '-x', join(dir, archive), join(dir, 'unpacked')], { timeout: 120_000 })
    mkdirSync(join(target, '..'), { recursive: true })
    const fresh = `${target}.${process.pid}`
    copyFileSync(join(dir, 'unpacked/usr/bin/promtool'), fresh)
    chmodSync(fresh, 0o755)
    renameSync(fresh, target)
    return target
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
