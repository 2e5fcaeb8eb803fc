import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { kinds } from '../hack/generate/kinds.ts'
import { exampleFiles, findSchemaProblems, kindOf, type Manifest, parseManifests, root } from '../test/manifests.ts'
import type { Port, Server } from './index.ts'

const files = exampleFiles().map((file) => ({
  file,
  objects: parseManifests(readFileSync(join(root, 'examples', file), 'utf8')),
}))
const all = files.flatMap(({ objects }) => objects)

describe.each(files)('examples/$file', ({ file, objects }) => {
  it('validates against the schema', () => {
    expect(objects.length).toBeGreaterThan(0)
    for (const object of objects) expect(findSchemaProblems(object)).toEqual([])
  })

  it('opens with a comment', () => {
    expect(readFileSync(join(root, 'examples', file), 'utf8')).toMatch(/^# \S/)
  })
})

it('every kind has an example', () => {
  const missing = kinds.map(({ kind }) => kind).filter((kind) => !all.some((object) => object.kind === kind))
  expect(missing).toEqual([])
})

it('no two examples of a kind have the same name', () => {
  const names = all.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? 'default'}/${metadata.name}`)
  const twice = names.filter((name, i) => !name.endsWith('undefined') && names.indexOf(name) !== i)
  expect(twice).toEqual([])
})

const stringOrEmpty = (value: unknown): string => (typeof value === 'string' ? value : '')

/**
 * The objects that an object refers to, each as `Kind namespace/name`, or as `Kind name` if the kind is cluster-scoped.
 */
function referencesOf({ kind, metadata: { namespace = 'default' }, spec }: Manifest): string[] {
  if (kind === 'ServerAction') return [`Server ${namespace}/${stringOrEmpty(spec['server'])}`]
  if (kind === 'Port') {
    const { network } = spec as Port['spec']
    return [`Network ${network.namespace ?? namespace}/${network.name}`]
  }
  if (kind !== 'Server') return []
  const { flavor, image, keyName, networks = [], schedulerHints = {} } = spec as Partial<Server['spec']>
  return [
    `Flavor ${flavor}`,
    `Image ${image?.namespace ?? namespace}/${image?.name}`,
    ...(keyName === undefined ? [] : [`KeyPair ${namespace}/${keyName}`]),
    ...networks.map(({ port, name, namespace: other = namespace }) =>
      port === undefined ? `Network ${other}/${name}` : `Port ${namespace}/${port}`,
    ),
    ...Object.values(schedulerHints)
      .flat()
      .map((name) => `Server ${namespace}/${name}`),
  ]
}

it('the examples refer only to objects of the examples', () => {
  const keys = new Set(
    all.map((object) => {
      const { name, namespace = 'default' } = object.metadata
      return `${object.kind} ${kindOf(object).scope === 'Cluster' ? name : `${namespace}/${name}`}`
    }),
  )
  const references = all.flatMap(referencesOf)
  expect(references.length).toBeGreaterThan(20)
  expect(references.filter((key) => !keys.has(key))).toEqual([])
})
