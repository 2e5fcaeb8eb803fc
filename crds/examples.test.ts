import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { kinds } from '../hack/generate/kinds.ts'
import { readExample } from '../test/examples.ts'
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

function keyOfObject(object: Manifest): string {
  const { name, namespace = 'default' } = object.metadata
  return `${object.kind} ${kindOf(object).scope === 'Cluster' ? name : `${namespace}/${name}`}`
}

it('the examples refer only to objects of the examples', () => {
  const keys = new Set(all.map(keyOfObject))
  const references = all.flatMap(referencesOf)
  expect(references.length).toBeGreaterThan(20)
  expect(references.filter((key) => !keys.has(key))).toEqual([])
})

function objectsWithNeeds(file: string): string[] {
  const objects = files.find((other) => other.file === file)?.objects ?? []
  return [...objects.map(keyOfObject), ...readExample(file).needs.flatMap(objectsWithNeeds)]
}

it.each(files.filter(({ file }) => readExample(file).cannotRun === undefined))(
  'examples/$file names the files with all objects that it refers to',
  ({ file, objects }) => {
    const present = new Set(objectsWithNeeds(file))
    expect(objects.flatMap(referencesOf).filter((key) => !present.has(key))).toEqual([])
  },
)

describe('readExample', () => {
  it('reads how to run an example', () => {
    expect(readExample('server-action/set-password.yaml')).toEqual({
      file: 'server-action/set-password.yaml',
      cannotRun: undefined,
      hosts: 1,
      before: [
        'kubectl create secret generic web-1-password --type=compute.kubenova.io/password --from-literal=password="$(openssl rand -base64 18)"',
      ],
      needs: ['flavor', 'image', 'keypair', 'network', 'server'].map((name) => `quickstart/${name}.yaml`),
    })
    expect(readExample('server/hints.yaml').hosts).toBe(2)
  })

  it('reads why an example cannot be run', () => {
    expect(readExample('network/flat.yaml').cannotRun).toBe('the hosts need a bridge br-office.')
  })
})
