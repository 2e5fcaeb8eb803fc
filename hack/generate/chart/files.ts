import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { File, Output } from '../output.ts'
import { valuesSchema } from './schema.ts'
import { valuesYaml } from './values-yaml.ts'

const root = join(import.meta.dirname, '../../..')
const chart = 'charts/kubenova'

const copyOf = (folder: string): Output => ({
  folder: `${chart}/files/${folder}`,
  files: (): File[] =>
    globSync('*.yaml', { cwd: join(root, 'crds', folder) })
      .toSorted((a, b) => (a < b ? -1 : 1))
      .map((name) => ({ name, text: readFileSync(join(root, 'crds', folder, name), 'utf8') })),
})

/** These outputs copy the generated manifests of crds/, which must therefore be written first. */
export const chartOutputs: readonly Output[] = [
  copyOf('manifests'),
  copyOf('admission'),
  copyOf('access'),
  {
    folder: chart,
    keepOthers: true,
    files: () => [
      { name: 'values.yaml', text: valuesYaml() },
      { name: 'values.schema.json', text: valuesSchema() },
    ],
  },
]
