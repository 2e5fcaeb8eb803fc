import { API_VERSION, type Kind } from '../../crds/index.ts'
import { toCustomResourceDefinition } from './crd.ts'
import { type Field, listFields, rulesOf, type Schema } from './fields.ts'
import { kinds } from './kinds.ts'
import { anchorOf, generatedMark, inlineCode, renderTable } from './markdown.ts'

interface Definition {
  spec: { versions: [{ schema: { openAPIV3Schema: Schema } }] }
}

const schemaOf = (k: Kind): Schema =>
  (toCustomResourceDefinition(k) as unknown as Definition).spec.versions[0].schema.openAPIV3Schema

const fieldRows = (list: Field[]): string[][] =>
  list.map((f) => [
    inlineCode(f.path),
    f.required ? `${f.type}, **required**` : f.type,
    inlineCode(f.default),
    [f.description, f.limits === '' ? '' : `(${f.limits})`].filter(Boolean).join(' '),
  ])

const renderFieldTable = (schema: Schema | undefined): string =>
  renderTable(['Field', 'Type', 'Default', 'Description'], fieldRows(listFields(schema ?? {})))

function renderColumns(k: Kind): string {
  const list = k.columns.map(({ name, jsonPath, priority, description = '' }) => [
    name,
    inlineCode(jsonPath),
    priority === 1 ? '`-o wide`' : '',
    description,
  ])
  return renderTable(['Column', 'Shows', 'Only with', 'Unit'], list)
}

function renderFacts({ plural, shortNames, scope, selectableFields = [], statusSubresource = true }: Kind): string {
  const selectable = selectableFields.map((f) => inlineCode(f.slice(1))).join(', ')
  return [
    `- \`kubectl get ${plural}\`, short: ${shortNames.map(inlineCode).join(', ')}`,
    `- ${scope === 'Cluster' ? 'cluster-wide' : 'in a namespace'}`,
    ...(selectable === '' ? [] : [`- \`--field-selector\` on ${selectable}`]),
    ...(statusSubresource ? [] : ['- no status subresource: [why](../adr/0003-records-without-status-subresource.md)']),
  ].join('\n')
}

function renderSection(k: Kind): string {
  const schema = schemaOf(k)
  const { spec, status } = schema.properties ?? {}
  const rules = rulesOf(schema, '')
    .filter(({ path }) => !path.startsWith('.status'))
    .map(({ path, message }) => `- ${path === '' ? '' : `${inlineCode(path.slice(1))}: `}${message}\n`)
  return `## ${k.kind}

${k.description}

${renderFacts(k)}

### ${k.kind} spec

${renderFieldTable(spec)}
${rules.length === 0 ? '' : `Rules:\n\n${rules.join('')}`}
### ${k.kind} status

${renderFieldTable(status)}
### ${k.kind} columns

${renderColumns(k)}`
}

export function apiPage(): string {
  const list = kinds.map((k) => [`[${k.kind}](#${anchorOf(k.kind)})`, k.scope, k.description])
  return `# API

${generatedMark('crds/kinds and actions')}Group and version: \`${API_VERSION}\`. The same from the cluster: \`kubectl explain server.spec\`.
The API server refuses what breaks a rule, with the message given here under *Rules*. \`kubectl\` refuses unknown fields. For
clients that request no field validation the API server drops them, with a warning.

${renderTable(['Kind', 'Scope', 'Description'], list)}
${kinds.map(renderSection).join('\n')}`
}
