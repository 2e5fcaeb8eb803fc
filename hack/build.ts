/**
 * Bundles the programs that container images run, so that they need no npm packages. One file takes 11 MB less memory
 * than many modules (docs/benchmarks.md). Rarely loaded modules have files of their own. So has the code that these
 * share with the program, which loads it when it starts.
 * Usage: node hack/build.ts [DIR], where DIR is `dist` by default
 */
import { join, resolve } from 'node:path'
import { build as bundle } from 'rolldown'
import { root } from './command.ts'

const programs = ['agent', 'controller', 'api-shim', 'hooks'] as const
export type ProgramName = (typeof programs)[number]

/**
 * Files beside the program's own go to `<dir>/parts/<program>/`. Each program is bundled by itself, because a part that
 * programs share can import these programs, and so start them.
 */
export async function buildPrograms(dir: string, names: readonly ProgramName[] = programs): Promise<void> {
  for (const name of names) {
    await bundle({
      input: { [name]: join(root, name, 'main.ts') },
      cwd: root,
      platform: 'node',
      logLevel: 'warn',
      output: {
        dir,
        format: 'esm',
        entryFileNames: '[name].mjs',
        chunkFileNames: `parts/${name}/[name]-[hash].mjs`,
      },
    })
  }
}

if (import.meta.main) await buildPrograms(resolve(process.argv[2] ?? 'dist'))
