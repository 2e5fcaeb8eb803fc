import {
  type ControllerOwner,
  conditionsOf,
  fieldManagerOf,
  fieldsOf,
  type OwnedKind,
  type Owner,
  owners,
} from '../../crds/index.ts'
import type { Sections } from './sections.ts'

interface Policy {
  kind: OwnedKind
  file: string
  /**
   * Whether agents also create objects of this kind. The policy does not check a creation, because there is no old
   * object to compare with. This is safe: the API server drops the status of a new object anyway.
   */
  isCreated: boolean
}

const policies: readonly Policy[] = [
  { kind: 'Server', file: 'crds/access/agent-policy-server.yaml', isCreated: false },
  { kind: 'Hypervisor', file: 'crds/access/agent-policy-hypervisor.yaml', isCreated: true },
]

export const agentPolicies = (): Sections[] =>
  policies.map((policy) => ({
    file: policy.file,
    sections: { variables: renderVariables(policy.kind), validations: renderValidations(policy) },
  }))

export function renderVariables(kind: OwnedKind): string {
  const agentConditions = conditionsOf(kind, 'agent').map((type) => `'${type}'`)
  const renderVariable = (name: string, object: string): string =>
    renderListItem(`name: ${name}`, [
      `expression: ${object}.?status.conditions.orValue([]).filter(c, !(c.type in [${agentConditions.join(', ')}]))`,
    ])
  return renderVariable('othersConditions', 'object') + renderVariable('othersConditionsBefore', 'oldObject')
}

export function renderValidations({ kind, isCreated }: Omit<Policy, 'file'>): string {
  const agents = fieldsOf(kind, 'agent')
  const isController = (owner: Owner): owner is ControllerOwner => owner !== 'agent'
  const fields = (Object.keys(owners) as Owner[]).filter(isController).flatMap((owner) => {
    const names = fieldsOf(kind, owner).filter((field) => !agents.includes(field))
    const checks = names.map((name) => `object.?status.${name} == oldObject.?status.${name}`)
    const message = `an agent does not write these status fields, which belong to ${fieldManagerOf(owner)}: ${names.join(', ')}`
    return names.length === 0 ? [] : [renderValidation(checks, message, isCreated)]
  })
  const conditions = renderValidation(
    [
      'variables.othersConditions.size() == variables.othersConditionsBefore.size()',
      'variables.othersConditions.all(c, c in variables.othersConditionsBefore)',
    ],
    `an agent writes no conditions of a ${kind} but ${conditionsOf(kind, 'agent').join(', ')}`,
    isCreated,
  )
  return [...fields, conditions].join('')
}

function renderValidation(checks: readonly string[], message: string, isCreated: boolean): string {
  const all = checks.map((check, i) => (i === 0 ? check : `&& ${check}`))
  const lines = isCreated ? ['oldObject == null', `|| ${all[0]}`, ...all.slice(1)] : all
  return renderListItem('expression: >-', [
    ...lines.map((line) => `  ${line}`),
    'reason: Forbidden',
    'message: >-',
    `  ${message}`,
  ])
}

const renderListItem = (first: string, rest: readonly string[]): string =>
  [`    - ${first}`, ...rest.map((line) => `      ${line}`)].map((line) => `${line}\n`).join('')
