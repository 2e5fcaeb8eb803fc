import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { kubenovaPlurals } from './stores.ts'

interface Rule {
  resources: string[]
  resourceNames?: string[]
}

it('the role of the API shim allows to read the definition of each kind that the shim checks', () => {
  const text = readFileSync(join(import.meta.dirname, '../../crds/access/api-shim.yaml'), 'utf8')
  const rules = parseAllDocuments(text).flatMap((manifest) => (manifest.toJS() as { rules?: Rule[] }).rules ?? [])
  const names = rules.find(({ resources }) => resources.includes('customresourcedefinitions'))?.resourceNames ?? []
  expect(names).toHaveLength(9)
  expect(kubenovaPlurals.map((plural) => `${plural}.compute.kubenova.io`).toSorted()).toEqual(names.toSorted())
})
