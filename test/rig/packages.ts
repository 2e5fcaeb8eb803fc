// Installs Debian packages that only some benchmarks need.
import { runCommand } from './process.ts'

export async function installPackages(packages: readonly string[], log: (line: string) => void): Promise<void> {
  log(`# installing the Debian packages ${packages.join(', ')}`)
  const root = process.getuid?.() === 0 ? [] : ['sudo']
  await runCommand([...root, 'apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...packages])
}
