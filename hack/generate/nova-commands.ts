import type { RecordedRequest } from '../../test/conformance/nova/record.ts'
import { hasWorked, mainRequestsOf, resultsByCommand } from '../../test/conformance/nova/results.ts'
import type { CommandResult } from '../../test/conformance/nova/run-commands.ts'
import { generatedMark, inlineCode, renderTable } from './markdown.ts'

const formatRequest = ({ method, path, action }: RecordedRequest): string =>
  `${inlineCode(`${method} ${path}`)}${action === undefined ? '' : ` ${inlineCode(action)}`}`

const unique = (texts: readonly string[]): string => [...new Set(texts)].join(', ')

function renderAnswer(result: CommandResult): string {
  const statuses = unique(mainRequestsOf(result).map(({ status }) => String(status)))
  if (hasWorked(result)) return statuses || 'no request to the Compute API'
  return [statuses, (result.error ?? '').replace(/ \(HTTP \d+\)$/, '')].filter(Boolean).join(': ')
}

const renderRow = (result: CommandResult): string[] => [
  inlineCode(`nova ${result.line}`),
  result.admin ? 'administrator' : 'member',
  unique(mainRequestsOf(result).map(formatRequest)),
  renderAnswer(result),
]

export function novaCommandsPage(): string {
  const byCommand = [...resultsByCommand()]
  const existing = byCommand.filter(([, results]) => results.length > 0)
  const working = existing.filter(([, results]) => results.every(hasWorked))
  const refused = existing.filter(([, results]) => !results.every(hasWorked))
  const absent = byCommand.filter(([, results]) => results.length === 0).map(([command]) => inlineCode(command))
  const table = (commands: readonly [string, CommandResult[]][]): string =>
    renderTable(
      ['Command', 'As', 'Request', 'Answer'],
      commands.flatMap(([, results]) => results.map(renderRow)),
    )
  return `# Commands of nova

${generatedMark('test/conformance/nova/results.json')}Each of ${byCommand.length} commands of \`nova\`, and what the shim answers. \`node test/conformance/nova/record-results.ts\` runs them with novaclient of PyPI, unmodified, through
the whole HTTP server, and writes the results. The API server is a fake, and hosts and agents are simulated, so that each server has the wanted state at once. A test runs
them again and compares. Before each command there is one server, \`web\`. Words in braces stand for IDs. The request is the one that writes, or the last that reads; look-ups
of names before it are left out.

| | commands |
| --- | --- |
| work | ${working.length} |
| are refused, as by a Nova that does not support them, or that has removed them | ${refused.length} |
| are not in novaclient of PyPI, and were not run | ${absent.length} |

## Work

${table(working)}
## Refused

[The Nova API](../nova-api.md#what-waits) says what each of them waits for.

${table(refused)}
## Not in novaclient

Older releases have them, or those of vendors: ${absent.join(', ')}.
`
}
