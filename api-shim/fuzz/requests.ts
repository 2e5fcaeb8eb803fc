import fc, { type Arbitrary } from 'fast-check'
import { MAX_VERSION, minorOf, versionText } from '../http/microversion.ts'
import type { Route } from '../routes/route.ts'
import type { Schema } from '../validation/schema.ts'
import { inheritedNames, mutateValues, textsOf } from './mutations.ts'
import { otherBodies } from './other-bodies.ts'
import { type ValueOptions, valuesOf } from './schema-values.ts'

export interface FuzzRequest {
  method: string
  url: string
  headers: Record<string, string>
  payload: string | Buffer | undefined
}

/** A log must not contain this text, which requests have in place of each secret. */
export const SECRET = 'kubenovaFuzzSecret00'
const secrets = Object.fromEntries(
  ['password', 'original_password', 'adminPass', 'user_data', 'secret', 'contents', 'private_key'].map((name) => [
    name,
    SECRET,
  ]),
)

const strangeSegments = [
  '0',
  '-1',
  '99999999999999999999',
  'detail',
  ...inheritedNames,
  '%00',
  '%0a',
  '%2e%2e%2fetc',
  '%ff',
  '%zz',
  '%F0%9F%92%A5',
  'x'.repeat(2_000),
  "';--",
  '%20',
  '%7Bid%7D',
]
const strangeParameters = [
  '(a+)+$',
  '(a|a)*b',
  '((((a{100}){100}){100}){100})',
  'a{1000}',
  '.*'.repeat(400),
  '(?=a)a',
  '\\1',
  '(',
  '[',
  'x'.repeat(20_000),
  '-1',
  '0',
  '1e3',
  '999999999999999999999',
  '\u0000',
  '💥',
  'true',
  '',
  ' ',
  '2026-13-45T99:99:99Z',
  '2026-01-02T03:04:05Z',
  '9999-12-31T23:59:59.999999+23:59',
  '0000-01-01',
  '10.0.0.1/33',
  '{"a": 1}',
  'in:a,b',
  'gt:5',
  'all_tenants',
  'name:asc,id:sideways',
  ...inheritedNames,
]
/** Several lists read these parameters although their schemas may not name them. */
const commonParameters = [
  'limit',
  'marker',
  'sort_key',
  'sort_dir',
  'fields',
  'name',
  'status',
  'all_tenants',
  'nothing',
  ...inheritedNames,
]

const versions = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: minorOf(MAX_VERSION) }).map(versionText) },
  { weight: 3, arbitrary: fc.constant(MAX_VERSION) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('latest', '2.0', '2.999', '3.1', 'x', '2.', '2.01', '1e1.1', '2.1 2.2', '9'.repeat(300)),
  },
)
const versionHeaders = fc.oneof(
  { weight: 8, arbitrary: versions.map((version) => ({ 'openstack-api-version': `compute ${version}` })) },
  { weight: 1, arbitrary: versions.map((version) => ({ 'x-openstack-nova-api-version': version })) },
  { weight: 1, arbitrary: versions.map((version) => ({ 'openstack-api-version': `volume 3.1, compute ${version},` })) },
  { weight: 1, arbitrary: fc.constant({}) },
)
const contentTypes = fc.oneof(
  { weight: 12, arbitrary: fc.constant('application/json') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'text/plain',
      'application/xml',
      'APPLICATION/JSON; x',
      ';',
      'a/b/c',
      'application/octet-stream',
      '',
    ),
  },
)
const patchTypes = fc.constantFrom(
  'application/openstack-images-v2.1-json-patch',
  'application/openstack-images-v2.0-json-patch',
  'application/json',
)
const strangeTokens = [SECRET, '', 'a.b.c', `eyJhbGciOiJub25lIn0.${SECRET}.`, 'x'.repeat(8_000), '\u00ff', '__proto__']
const tokens = fc.oneof(
  { weight: 8, arbitrary: fc.constant('admin-own') },
  { weight: 3, arbitrary: fc.constantFrom('admin', 'member', 'other-project') },
  { weight: 1, arbitrary: fc.constantFrom(...strangeTokens) },
)
const accepts = fc.oneof(
  { weight: 8, arbitrary: fc.constant('application/json') },
  { weight: 1, arbitrary: fc.constantFrom('*/*', '', 'garbage', 'text/html;q=x', 'a/b;q=9e9, */*;q=-1') },
)

/** @param known the IDs and names of existing objects */
export function requestsOf(route: Route, known: readonly string[], root: string): Arbitrary<FuzzRequest> {
  const options = { known, fixed: secrets }
  const types = route.method === 'PATCH' ? patchTypes : contentTypes
  return fc.record({
    method: fc.constant(route.method),
    url: urlsOf(route, options, root),
    headers: headersOf(types),
    payload: payloadsOf(route, options),
  })
}

const headersOf = (contentTypes: Arbitrary<string>): Arbitrary<Record<string, string>> =>
  fc
    .tuple(versionHeaders, contentTypes, tokens, accepts, fc.option(tokens, { freq: 6 }))
    .map(([version, type, token, accept, subject]) => ({
      ...version,
      accept,
      'x-auth-token': token,
      ...(type === '' ? {} : { 'content-type': type }),
      ...(subject === null ? {} : { 'x-subject-token': subject }),
    }))

function urlsOf(route: Route, options: ValueOptions, root: string): Arbitrary<string> {
  const parameters = [...route.path.matchAll(/\{[^}]*\}/g)].map(() => segmentsOf(options))
  return fc
    .tuple(
      fc.tuple(...parameters),
      fc.oneof({ weight: 1, arbitrary: fc.constant('') }, { weight: 1, arbitrary: queriesOf(route, options) }),
    )
    .map(([values, query]) => {
      const left = [...values]
      return root + route.path.replaceAll(/\{[^}]*\}/g, () => left.shift() ?? '') + query
    })
}

const segmentsOf = ({ known = [] }: ValueOptions): Arbitrary<string> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...known).map(encodeURIComponent) },
    { weight: 2, arbitrary: fc.constantFrom(...strangeSegments) },
    { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }).map(encodeText) },
  )

/** A lone surrogate, which has no encoding, becomes U+FFFD. */
const encodeText = (text: string): string => encodeURIComponent(text.toWellFormed())

function queriesOf({ query = {} }: Route, { known = [] }: ValueOptions): Arbitrary<string> {
  const names = new Set(commonParameters)
  for (const schema of Object.values(query)) {
    const { properties } = schema as { properties?: object }
    for (const name of Object.keys(properties ?? {})) names.add(name)
  }
  const values = fc.oneof(
    fc.constantFrom(...known),
    fc.constantFrom(...strangeParameters),
    fc.string({ maxLength: 20 }),
  )
  const pair = fc
    .tuple(fc.constantFrom(...names), values)
    .map(([name, value]) => `${encodeText(name)}=${encodeText(value)}`)
  const many = fc
    .integer({ min: 100, max: 2_000 })
    .map((count) => Array.from({ length: count }, (_, i) => `p${i}=${i}`))
  return fc
    .oneof(
      { weight: 10, arbitrary: fc.array(pair, { minLength: 1, maxLength: 4 }) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(['%zz=%'], ['='], ['&&&'], ['__proto__=1'], ['a[b]=c'], ['name=%ff%fe']),
      },
      { weight: 1, arbitrary: many },
    )
    .map((pairs) => `?${pairs.join('&')}`)
}

export function bodySchemasOf({ name, body = {} }: Route): Schema[] {
  const other = otherBodies[name]
  return [...Object.values(body), other].filter((schema) => schema !== undefined)
}

function payloadsOf(route: Route, options: ValueOptions): Arbitrary<string | Buffer | undefined> {
  const bodies = bodySchemasOf(route).map((schema) => valuesOf(schema, options))
  if (route.method === 'GET' || (bodies.length === 0 && route.method !== 'POST'))
    return fc.option(fc.constant('{"a": 1}'), { nil: undefined, freq: 4 })
  const known =
    bodies.length > 0 ? fc.oneof(...bodies) : fc.constant(route.action === undefined ? {} : { [route.action]: null })
  return fc.oneof(
    { weight: 6, arbitrary: known.map((value) => JSON.stringify(value)) },
    { weight: 4, arbitrary: mutateValues(known).map((value) => JSON.stringify(value) ?? '') },
    { weight: 2, arbitrary: textsOf(known) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  )
}
