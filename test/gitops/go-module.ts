import { join } from 'node:path'
import { runCommand } from '../rig/process.ts'

/**
 * Downloads a Go module if it is missing. Returns the folder of its source.
 * @param program the folder in test/rig/binaries whose go.mod has the version
 */
export async function goModuleFolder(program: string, module: string): Promise<string> {
  const cwd = join(import.meta.dirname, '../rig/binaries', program)
  const found = await runCommand(['go', 'mod', 'download', '-json', module], { cwd, timeout: 600_000 })
  return (JSON.parse(found) as { Dir: string }).Dir
}
