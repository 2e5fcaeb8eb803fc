import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { kinds } from '../hack/generate/kinds.ts'
import { root } from '../test/manifests.ts'
import { applyAccessManifests, applyManifests } from '../test/rig/crds.ts'
import { withControlPlane } from '../test/rig/vitest.ts'
import { waitUntil } from '../test/rig/wait-until.ts'
import { GROUP } from './index.ts'

const plane = withControlPlane()
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

const tryDelete = (name: string): Promise<string> =>
  plane()
    .api.send('DELETE', `${definitions}/${name}?dryRun=All`)
    .then(
      () => 'deleted',
      (error: unknown) => String(error),
    )
const annotateDefinition = (name: string, value: string): Promise<unknown> => {
  const patch = { metadata: { annotations: { [`${GROUP}/allow-deletion`]: value } } }
  return plane().api.send('PATCH', `${definitions}/${name}`, patch, 'application/merge-patch+json')
}

const serversDefinition = `servers.${GROUP}`
const expectedMessage =
  `with this definition every Server of the cluster is deleted, with its guest and its disks: if that is meant, annotate it with ` +
  `${GROUP}/allow-deletion=true first, then delete it`

beforeAll(async () => {
  const { api } = plane()
  await applyManifests(api, join(root, 'crds/manifests'))
  await applyAccessManifests(api, join(root, 'crds/admission'))
  // A policy takes effect some seconds after its creation.
  const isInEffect = async (): Promise<boolean> => (await tryDelete(serversDefinition)).includes(expectedMessage)
  await waitUntil(isInEffect, { what: 'the policy to take effect', deadline: 60_000, every: 200 })
})

it.each(kinds.map(({ kind, plural }) => [kind, plural]))(
  'the deletion of the definition of %s is rejected',
  async (kind, plural) => {
    expect(await tryDelete(`${plural}.${GROUP}`)).toContain(
      `with this definition every ${kind} of the cluster is deleted`,
    )
  },
)

it('a definition can be deleted when it is annotated with allow-deletion=true, and no other', async () => {
  await annotateDefinition(serversDefinition, 'no')
  expect(await tryDelete(serversDefinition)).toContain(expectedMessage)
  await annotateDefinition(serversDefinition, 'true')
  expect(await tryDelete(serversDefinition)).toBe('deleted')
  expect(await tryDelete(`ports.${GROUP}`)).toContain('every Port of the cluster')
})

it('the annotation stays when the manifests are applied again', async () => {
  await applyManifests(plane().api, join(root, 'crds/manifests'))
  expect(await tryDelete(serversDefinition)).toBe('deleted')
})

it('definitions of other groups can be deleted', async () => {
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
  expect(await tryDelete(`servers.${group}`)).toBe('deleted')
})
