import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cacheDirectory } from './binaries.ts'
import { runCommand } from './process.ts'

/**
 * Installs the packages if they are missing. The directory's name has the hash of the requirements files, so other
 * versions get another environment.
 * @param options further options of `pip install`
 */
export async function ensurePythonEnvironment(
  name: string,
  requirements: readonly string[],
  options: readonly string[] = [],
): Promise<string> {
  const content = requirements.map((file) => readFileSync(file, 'utf8')).join('')
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 12)
  const venv = join(dirname(cacheDirectory()), `${name}-${hash}`)
  const complete = join(venv, 'complete')
  if (existsSync(complete)) return venv
  rmSync(venv, { recursive: true, force: true })
  mkdirSync(dirname(venv), { recursive: true })
  console.error(`# installing Python packages: ${name}`)
  await runCommand(['python3', '-m', 'venv', venv])
  const pip = [join(venv, 'bin/pip'), 'install', '--quiet', '--disable-pip-version-check', ...options]
  await runCommand([...pip, ...requirements.flatMap((file) => ['-r', file])])
  writeFileSync(complete, '')
  return venv
}
