/**
 * What images run: each program as one file with all that it imports, and files beside it for what is seldom needed; no packages. Of
 * modules that are loaded one by one Node keeps 11 MB more (docs/benchmarks.md).
 * Usage: node hack/build.ts [DIR]   (dist)
 */
import { join, resolve } from 'node:path'
import { build as bundle } from 'rolldown'
import { root } from './command.ts'

/** `<dir>/agent.mjs`, `<dir>/controller.mjs`, `<dir>/parts/`. */
export async function build(dir: string): Promise<void> {
  const main = (name: string): string => join(root, name, 'main.ts')
  await bundle({
    input: { agent: main('agent'), controller: main('controller') },
    cwd: root,
    platform: 'node',
    logLevel: 'warn',
    output: { dir, format: 'esm', entryFileNames: '[name].mjs', chunkFileNames: 'parts/[name]-[hash].mjs' },
  })
}

if (import.meta.main) await build(resolve(process.argv[2] ?? 'dist'))
