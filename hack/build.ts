/**
 * Builds the programs that container images run: one file each, without npm packages. One file takes 11 MB less memory
 * than many modules (docs/benchmarks.md); only rarely loaded modules have files of their own.
 * Usage: node hack/build.ts [DIR], where DIR is `dist` by default
 */
import { join, resolve } from 'node:path'
import { build as bundle } from 'rolldown'
import { root } from './command.ts'

/** Modules that are rarely loaded go to `<dir>/parts/`. */
export async function buildPrograms(dir: string): Promise<void> {
  const mainFile = (name: string): string => join(root, name, 'main.ts')
  await bundle({
    input: {
      agent: mainFile('agent'),
      controller: mainFile('controller'),
      'api-shim': mainFile('api-shim'),
      hooks: mainFile('hooks'),
    },
    cwd: root,
    platform: 'node',
    logLevel: 'warn',
    output: { dir, format: 'esm', entryFileNames: '[name].mjs', chunkFileNames: 'parts/[name]-[hash].mjs' },
  })
}

if (import.meta.main) await buildPrograms(resolve(process.argv[2] ?? 'dist'))
