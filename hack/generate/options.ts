/** docs/reference/options.md: flags and environment of the programs. From the schemas that they read them with. */
import type { TObject } from 'typebox'
import { AgentOptions } from '../../agent/options.ts'
import { ControllerOptions } from '../../controller/options.ts'
import { fields } from './fields.ts'
import { code, mark, table } from './markdown.ts'

const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)
const variable = (name: string): string => `KUBENOVA_${kebab(name).replaceAll('-', '_').toUpperCase()}`

function options(schema: TObject): string {
  const rows = fields(schema).map((f) => [
    code(`--${kebab(f.path)}`),
    code(variable(f.path)),
    f.type,
    code(f.default),
    [f.description, f.limits === '' ? '' : `(${f.limits})`].filter(Boolean).join(' '),
  ])
  return table(['Flag', 'Environment', 'Type', 'Default', 'Description'], rows)
}

export function optionsPage(): string {
  return `# Options

${mark('controller/options.ts and agent/options.ts')}A flag goes before the environment, the environment before the default. \`--help\` prints the same. A wrong option ends the program
with status 2 and a sentence that says what to write instead.

## Controller

${options(ControllerOptions)}
## Agent

${options(AgentOptions)}`
}
