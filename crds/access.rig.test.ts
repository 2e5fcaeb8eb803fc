// The API server type-checks the CEL expressions of a policy only if its rules name API versions. The policies in
// crds/access have `*` instead, so this test replaces each `*`.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { applyManifests } from '../test/rig/crds.ts'
import { withControlPlane } from '../test/rig/vitest.ts'
import { waitUntil } from '../test/rig/wait-until.ts'
import { VERSION } from './index.ts'

interface Policy {
  kind: string
  metadata: { name: string; generation?: number }
  spec: { matchConstraints: { resourceRules: { apiGroups: string[]; apiVersions: string[]; resources: string[] }[] } }
  status?: { observedGeneration?: number; typeChecking?: { expressionWarnings?: { warning: string }[] } }
}

const folder = join(import.meta.dirname, 'access')
const path = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies'
const plane = withControlPlane({ controllerManager: true })
beforeAll(() => applyManifests(plane().api, join(import.meta.dirname, 'manifests')))

const isBuiltIn = (group = ''): boolean => group === '' || group.endsWith('k8s.io')

/**
 * The version `*` becomes the version of the API group, and the resource `*` becomes three kinds that stand for all.
 */
function withVersions(policy: Policy): Policy {
  const resourceRules = policy.spec.matchConstraints.resourceRules.map((rule) => ({
    ...rule,
    apiVersions: isBuiltIn(rule.apiGroups[0]) ? ['v1'] : [VERSION],
    resources: rule.resources[0] === '*' ? ['servers', 'serveractions', 'ports'] : rule.resources,
  }))
  return { ...policy, spec: { ...policy.spec, matchConstraints: { resourceRules } } }
}

const policies = globSync('*.yaml', { cwd: folder })
  .flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), 'utf8')))
  .map((document) => document.toJS() as Policy)
  .filter(({ kind }) => kind === 'ValidatingAdmissionPolicy')

async function findTypeWarnings(policy: Policy): Promise<string[]> {
  const { metadata } = await plane().api.send<Policy>('POST', path, withVersions(policy))
  const statusOnceChecked = async () => {
    const { status } = await plane().api.send<Policy>('GET', `${path}/${metadata.name}`)
    return status?.observedGeneration === metadata.generation ? status : undefined
  }
  const status = await waitUntil(statusOnceChecked, { what: `types of ${metadata.name}`, deadline: 60_000 })
  return (status.typeChecking?.expressionWarnings ?? []).map(({ warning }) => warning)
}

it.each(policies.map((policy) => [policy.metadata.name, policy] as const))(
  '%s uses only fields that exist',
  async (_, policy) => {
    expect(await findTypeWarnings(policy)).toEqual([])
  },
)

it('the API server warns of a field that does not exist', async () => {
  const [policy] = policies.filter(({ metadata }) => metadata.name === 'kubenova-agent-server')
  const text = JSON.stringify(policy)
    .replaceAll('status.host', 'status.hosst')
    .replaceAll(policy?.metadata.name ?? '', 'misspelt')
  expect((await findTypeWarnings(JSON.parse(text) as Policy)).join()).toContain("undefined field 'hosst'")
})
