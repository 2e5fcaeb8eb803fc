import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'

interface Manifest {
  kind: string
  metadata: { name: string }
  roleRef?: { kind: string; name: string }
  rules?: { resources?: string[]; resourceNames?: string[]; verbs: string[] }[]
}

const folder = join(import.meta.dirname, 'access')
const manifests = globSync('*.yaml', { cwd: folder })
  .flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), 'utf8')))
  .map((document) => document.toJS() as Manifest)

/** The ClusterRoles that a binding refers to, or that a role allows to bind. */
const rolesInUse = ({ roleRef, rules = [] }: Manifest): string[] => [
  ...(roleRef?.kind === 'ClusterRole' ? [roleRef.name] : []),
  ...rules.flatMap(({ verbs, resourceNames = [] }) => (verbs.includes('bind') ? resourceNames : [])),
]

it('crds/access has every ClusterRole that its bindings and its rights to bind name', () => {
  const inUse = manifests.flatMap(rolesInUse)
  const existing = new Set(manifests.flatMap(({ kind, metadata }) => (kind === 'ClusterRole' ? [metadata.name] : [])))
  expect(inUse.length).toBeGreaterThan(5)
  expect(inUse.filter((name) => !existing.has(name))).toEqual([])
})
