import fc, { type Arbitrary } from 'fast-check'

const nest = (depth: number, open: string, close: string): string => open.repeat(depth) + close.repeat(depth)
const distinctNumbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

/** Every object inherits members with these names. */
export const inheritedNames = ['__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty'] as const

/** Values that are seldom expected anywhere. */
const strangeValues: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  2 ** 31,
  2 ** 63,
  1e308,
  -1e308,
  '',
  ' ',
  'nul \u0000 inside',
  '\ud800',
  '\u202e\u200b',
  '💥é',
  '../../etc/passwd',
  ...inheritedNames,
  '9'.repeat(400),
  'x'.repeat(300),
  'x'.repeat(70_000),
  '(a+)+$',
  '99999-99-99',
  [],
  {},
  [[]],
  [{}],
  distinctNumbers(15_000),
  Array.from({ length: 5_000 }, (_, index) => `t${index}`),
  Object.fromEntries(distinctNumbers(3_000).map((index) => [`k${index}`, 'v'])),
  JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1, "toString": null}'),
  JSON.parse(nest(200, '[', ']')),
]

const strangeKeys = [...inheritedNames, 'unexpected', '']

export const shortStrangeValues = strangeValues.filter((value) => JSON.stringify(value).length < 1_000)

/** Puts a strange value in the place of the value or of one of its members, at any depth. */
export const mutateValues = (values: Arbitrary<unknown>, strange = strangeValues): Arbitrary<unknown> =>
  fc
    .tuple(
      values,
      fc.constantFrom(...strange),
      fc.array(fc.nat(9), { maxLength: 5 }),
      fc.constantFrom('set', 'add', 'drop'),
    )
    .map(([value, strange, path, how]) => mutateAt(value, strange, path, how))

type Mutation = 'set' | 'add' | 'drop'

/** @param path numbers that choose a member on each level */
function mutateAt(value: unknown, strange: unknown, [choice, ...path]: readonly number[], how: Mutation): unknown {
  if (choice === undefined || typeof value !== 'object' || value === null) return strange
  const keys = Object.keys(value)
  const key = keys[choice % Math.max(keys.length, 1)]
  if (path.length > 0 && key !== undefined) {
    const copy: object = Array.isArray(value) ? [...(value as unknown[])] : { ...value }
    return Object.assign(copy, { [key]: mutateAt(Reflect.get(value, key), strange, path, how) })
  }
  return changeMember(value, key, strange, how, choice)
}

function changeMember(value: object, key: string | undefined, strange: unknown, how: Mutation, choice: number): object {
  if (Array.isArray(value)) return how === 'drop' ? value.slice(1) : [...(value as unknown[]), strange]
  if (how === 'drop') return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key))
  const added = strangeKeys[choice % strangeKeys.length] ?? ''
  return { ...value, [how === 'set' && key !== undefined ? key : added]: strange }
}

const strangeBodies: readonly (string | Buffer)[] = [
  '',
  ' ',
  'null',
  '0',
  '"text"',
  '[]',
  '{',
  '{"a": }',
  '<server/>',
  '\ufeff{}',
  '{"a": 1, "a": 2}',
  '{"server": {"name": "a"}, "server": []}',
  '{"a": NaN, "b": -Infinity, "c": 1e999}',
  '{"a": "\\ud800", "\\u0000": 1}',
  `{"a": ${'9'.repeat(5_000)}}`,
  nest(50_000, '[', ']'),
  nest(50_000, '{"a":', '}').replace(':}', ':1}'),
  '['.repeat(100_000),
  `"${'\\u0000'.repeat(10_000)}"`,
  'x'.repeat(114_689),
  Buffer.from([0xff, 0xfe, 0x00]),
  Buffer.from('{"a": "\xff"}', 'latin1'),
]

export const textsOf = (values: Arbitrary<unknown>): Arbitrary<string | Buffer> =>
  fc.oneof(
    { weight: 12, arbitrary: values.map((value) => JSON.stringify(value) ?? '') },
    { weight: 1, arbitrary: values.map((value) => (JSON.stringify(value) ?? '').slice(0, -1)) },
    { weight: 1, arbitrary: values.map((value) => (JSON.stringify(value) ?? '').replace('{', '{"a": 1, "a": [],')) },
    { weight: 1, arbitrary: values.map((value) => replaceLeaf(JSON.stringify(value) ?? '')) },
    { weight: 3, arbitrary: fc.constantFrom(...strangeBodies) },
  )

const replaceLeaf = (text: string): string => text.replace(/"[^"]*"(?=[\]}]*$)/, nest(20_000, '[', ']'))
