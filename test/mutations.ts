import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { exampleFiles, type Manifest, parseManifests, root } from './manifests.ts'

export const validExamples: readonly Manifest[] = exampleFiles()
  .flatMap((file) => parseManifests(readFileSync(join(root, 'examples', file), 'utf8')))
  .map((object, i) => ({ ...object, metadata: { ...object.metadata, namespace: 'default', name: `m-${i}` } }))

type Path = readonly (string | number)[]

function pathsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path]
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  const inner = entries.flatMap(([key, v]) => pathsIn(v, [...path, key]))
  return path.length === 0 ? inner : [path, ...inner]
}

const nastyValues: readonly unknown[] = [
  null,
  '',
  ' ',
  'a',
  'A_b',
  'x'.repeat(300),
  'a\nb',
  'a\0b',
  '\u202Eevil',
  '名前',
  '../../etc/passwd',
  '${IFS}',
  '10.0.0.300',
  '10.0.0.5',
  '10.20.0.255',
  '0.0.0.0/0',
  '10.20.0.0/31',
  '::ffff:10.0.0.1',
  '2001:db8::/127',
  'fe80::1%eth0',
  'fa:16:3e:00:00:00',
  '00:00:00:00:00:00',
  'http://[::1]:99999/',
  'http://a:b@c/',
  'file:///..',
  'https://example.org:1/%zz',
  'required',
  '<or>',
  '<in>',
  '>= ',
  's==',
  -1,
  0,
  1,
  1.5,
  255,
  65_536,
  2 ** 31,
  2 ** 53,
  1e300,
  true,
  false,
  [],
  {},
  [null],
  ['a', 'a'],
  { a: 'b' },
  { '': '' },
  { constructor: 'a', ['__proto__x']: 'b' },
]

/** The random number `pick` selects the member to change. */
type Change = (spec: Manifest['spec'], pick: number, value: unknown) => void

function memberAt(
  spec: Manifest['spec'],
  pick: number,
): { holder: Record<string | number, unknown>; key: string | number } {
  const all = pathsIn(spec)
  const path = all[pick % Math.max(1, all.length)] ?? ['x']
  const holder = path.slice(0, -1).reduce((v, k) => (v as Record<string | number, unknown>)[k] as never, spec)
  return { holder, key: path.at(-1) ?? 'x' }
}

const changes: readonly Change[] = [
  (spec, pick, value) => {
    const { holder, key } = memberAt(spec, pick)
    holder[key] = value
  },
  (spec, pick) => {
    const { holder, key } = memberAt(spec, pick)
    delete holder[key]
  },
  (spec, pick) => {
    const { holder } = memberAt(spec, pick)
    if (Array.isArray(holder)) holder.push(structuredClone(holder[0]))
  },
  (spec, pick, value) => {
    const { holder } = memberAt(spec, pick)
    if (!Array.isArray(holder)) holder['unheard'] = value
  },
  (spec, pick, value) => {
    const { holder, key } = memberAt(spec, pick)
    if (typeof holder[key] === 'string') holder[key] = `${holder[key]}${String(value).slice(0, 20)}`
  },
]

export const mutatedExamples: fc.Arbitrary<Manifest> = fc
  .record({
    object: fc.constantFrom(...validExamples),
    steps: fc.array(
      fc.record({ change: fc.constantFrom(...changes), pick: fc.nat(200), value: fc.constantFrom(...nastyValues) }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ object, steps }) => {
    const spec = structuredClone(object.spec)
    for (const { change, pick, value } of steps) change(spec, pick, structuredClone(value))
    return { ...object, spec }
  })
