import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { kinds } from '../hack/generate/kinds.ts'
import { root } from '../test/manifests.ts'
import { applyManifests, applyPolicies } from '../test/rig/crds.ts'
import { withControlPlane } from '../test/rig/vitest.ts'
import { waitUntil } from '../test/rig/wait-until.ts'
import { GROUP } from './index.ts'

const plane = withControlPlane()
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

/** The answer to the deletion of a definition, as a dry run. */
const deletion = (name: string): Promise<string> =>
  plane()
    .api.send('DELETE', `${definitions}/${name}?dryRun=All`)
    .then(
      () => 'deleted',
      (error: unknown) => String(error),
    )
const annotate = (name: string, value: string): Promise<unknown> => {
  const patch = { metadata: { annotations: { [`${GROUP}/allow-deletion`]: value } } }
  return plane().api.send('PATCH', `${definitions}/${name}`, patch, 'application/merge-patch+json')
}

const servers = `servers.${GROUP}`
const refusal =
  `with this definition every Server of the cluster is deleted, with its guest and its disks: if that is meant, annotate it with ` +
  `${GROUP}/allow-deletion=true first, then delete it`

beforeAll(async () => {
  const { api } = plane()
  await applyManifests(api, join(root, 'crds/manifests'))
  await applyPolicies(api, join(root, 'crds/admission'))
  // A policy counts some seconds after it was made.
  const counts = async (): Promise<boolean> => (await deletion(servers)).includes(refusal)
  await waitUntil(counts, { what: 'a refusal', deadline: 60_000, every: 200 })
})

it.each(kinds.map(({ kind, plural }) => [kind, plural]))('keeps the definition of %s', async (kind, plural) => {
  expect(await deletion(`${plural}.${GROUP}`)).toContain(`with this definition every ${kind} of the cluster is deleted`)
})

it('lets one go that says that it is meant, and no other', async () => {
  await annotate(servers, 'no')
  expect(await deletion(servers)).toContain(refusal)
  await annotate(servers, 'true')
  expect(await deletion(servers)).toBe('deleted')
  expect(await deletion(`ports.${GROUP}`)).toContain('every Port of the cluster')
})

it('keeps it deletable when the manifests are applied again', async () => {
  await applyManifests(plane().api, join(root, 'crds/manifests'))
  expect(await deletion(servers)).toBe('deleted')
})

it('is nothing to definitions of others', async () => {
  const group = 'example.org'
  const schema = { openAPIV3Schema: { type: 'object' } }
  await plane().api.send('POST', definitions, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `servers.${group}` },
    spec: {
      group,
      scope: 'Cluster',
      names: { kind: 'Server', plural: 'servers' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  })
  expect(await deletion(`servers.${group}`)).toBe('deleted')
})
