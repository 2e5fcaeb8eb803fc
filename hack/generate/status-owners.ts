import {
  agentManagerOf,
  fieldManagerOf,
  type OwnedKind,
  type Owner,
  type Ownership,
  owners,
  statusOwners,
} from '../../crds/index.ts'
import { generatedMark, inlineCode, renderTable } from './markdown.ts'

const managerOf = (owner: Owner): string => (owner === 'agent' ? agentManagerOf('<host>') : fieldManagerOf(owner))

function describeOwnership(ownership: Ownership): string {
  if (typeof ownership === 'string') return ownership
  const { untilAgentWrites, whileHostDown, otherwise } = ownership
  return [
    ...(whileHostDown ? [`${whileHostDown} while the host is down`] : []),
    ...(untilAgentWrites ? [`${untilAgentWrites} until the agent has written`] : []),
    `${otherwise} otherwise`,
  ].join('; ')
}

function renderSection(kind: OwnedKind): string {
  const { fields, conditions } = statusOwners[kind]
  const rows = [
    ...Object.entries(fields as Readonly<Record<string, Ownership>>).map(([name, o]) => [
      inlineCode(`status.${name}`),
      describeOwnership(o),
    ]),
    ...Object.entries(conditions as Readonly<Record<string, Ownership>>).map(([type, o]) => [
      `condition ${inlineCode(type)}`,
      describeOwnership(o),
    ]),
  ]
  return `## ${kind}\n\n${renderTable(['Field or condition', 'Owner'], rows)}`
}

export const statusOwnersPage = (): string => `# Status owners

${generatedMark('crds/status-owners.ts')}Each status field and each condition has one owner at a time, which writes it under its own field manager.
[Why](../adr/0020-one-field-manager-per-owner.md)

${renderTable(
  ['Owner', 'Field manager', 'What it does'],
  (Object.keys(owners) as Owner[]).map((owner) => [owner, inlineCode(managerOf(owner)), owners[owner]]),
)}
${(Object.keys(statusOwners) as OwnedKind[]).map(renderSection).join('\n')}`
