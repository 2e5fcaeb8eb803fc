import { runCommand } from './process.ts'

/** Installs the packages that are missing. */
export async function installPackages(packages: readonly string[], log: (line: string) => void): Promise<void> {
  const missing: string[] = []
  for (const name of packages) if (!(await isInstalled(name))) missing.push(name)
  if (missing.length === 0) return
  log(`# installing the Debian packages ${missing.join(', ')}`)
  const root = process.getuid?.() === 0 ? [] : ['sudo']
  await runCommand([...root, 'apt-get', 'update', '-qq'])
  await runCommand([...root, 'apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing])
}

async function isInstalled(name: string): Promise<boolean> {
  const status = await runCommand(['dpkg-query', '-W', '-f', '${db:Status-Status}', name]).catch(() => '')
  return status === 'installed'
}
