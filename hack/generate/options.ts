import type { TObject } from 'typebox'
import { AgentOptions } from '../../agent/options.ts'
import { ShimOptions } from '../../api-shim/options.ts'
import { ControllerOptions } from '../../controller/options.ts'
import { listFields } from './fields.ts'
import { generatedMark, inlineCode, renderTable } from './markdown.ts'

const toKebabCase = (name: string): string => name.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)
const toVariableName = (name: string): string => `KUBENOVA_${toKebabCase(name).replaceAll('-', '_').toUpperCase()}`

function renderOptions(schema: TObject): string {
  const rows = listFields(schema).map((f) => [
    inlineCode(`--${toKebabCase(f.path)}`),
    inlineCode(toVariableName(f.path)),
    f.type,
    inlineCode(f.default),
    [f.description, f.limits === '' ? '' : `(${f.limits})`].filter(Boolean).join(' '),
  ])
  return renderTable(['Flag', 'Environment', 'Type', 'Default', 'Description'], rows)
}

export function optionsPage(): string {
  return `# Options

${generatedMark('controller/options.ts, agent/options.ts and api-shim/options.ts')}A flag goes before the environment, the environment before the default. \`--help\` prints the same. A wrong option ends the program
with status 2 and a sentence that says what to write instead.

## Controller

${renderOptions(ControllerOptions)}
## Agent

${renderOptions(AgentOptions)}
## API shim

${renderOptions(ShimOptions)}`
}
