import { readFileSync } from 'node:fs'
import type { Outcome } from '../../test/conformance/stestr/outcomes.ts'
import { readOutcomes } from '../../test/conformance/stestr/results-file.ts'
import { clientRequirements } from '../../test/rig/openstack-clients.ts'
import { generatedMark, inlineCode, renderTable } from './markdown.ts'
import { type Group, renderReasons, renderTotals, renderWhy } from './outcomes.ts'

interface Client {
  /** The name of its package on PyPI. */
  name: string
  /** The beginning of the names of its tests; the page leaves it out. */
  prefix: string
}

const clients: readonly Client[] = [
  { name: 'openstacksdk', prefix: 'openstack.tests.functional.' },
  { name: 'python-openstackclient', prefix: 'openstackclient.tests.functional.compute.' },
]

function versionOf({ name }: Client): string {
  const [, version] = new RegExp(`^${name}==(.*)$`, 'm').exec(readFileSync(clientRequirements, 'utf8')) ?? []
  if (version === undefined) throw new Error(`${clientRequirements} has no ${name}`)
  return version
}

function renderClient(client: Client, outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => [
    inlineCode(outcome.test.replace(client.prefix, '')),
    outcome.result,
    renderWhy(outcome),
  ])
  return `## ${client.name} ${versionOf(client)}

${renderTable([`Test in \`${client.prefix.slice(0, -1)}\``, 'Result', 'Why'], rows)}`
}

export function functionalTestsPage(): string {
  const all = readOutcomes('functional')
  const ofClients = clients.map((client) => ({
    client,
    outcomes: all.filter(({ test }) => test.includes(client.prefix)),
  }))
  const groups: Group[] = ofClients.map(({ client, outcomes }) => [client.name, outcomes])
  const onLibvirt = all.filter(({ hosts }) => hosts === 'libvirt').length
  return `# Functional tests of the clients

${generatedMark('test/conformance/functional/results.json')}openstacksdk and python-openstackclient of PyPI, unmodified, run their own functional tests for compute against the shim: a real API server, controller and shim,
and two agents with real code on simulated hosts, whose domains exist only in memory. ${onLibvirt} tests, which look into a guest, run on a host with libvirt and QEMU.
\`make conformance SUITE=functional\` runs them again, and fails if a test fails or is skipped for no reason that \`test/conformance/functional/rules.ts\` knows, or
if a test that has passed does not pass or is gone.

${renderTotals(groups)}
## Reasons why tests do not pass

${renderReasons(groups)}
${ofClients.map(({ client, outcomes }) => renderClient(client, outcomes)).join('\n')}`
}
