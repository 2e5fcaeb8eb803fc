/** What images run: JavaScript as tsc makes it, beside the packages. */
import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../rig/process.ts'
import { built, type Program, source } from './stage.ts'

/** Below `dir`. */
export async function build(dir: string): Promise<Program> {
  const root = join(dir, 'built')
  mkdirSync(root, { recursive: true })
  const tsc = join(source.root, 'node_modules/.bin/tsc')
  await run([tsc, '-p', join(source.root, 'tsconfig.build.json'), '--outDir', root], { cwd: source.root })
  copyFileSync(join(source.root, 'package.json'), join(root, 'package.json'))
  symlinkSync(join(source.root, 'node_modules'), join(root, 'node_modules'))
  return built(root)
}
