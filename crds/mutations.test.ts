import fc from 'fast-check'
import { Value } from 'typebox/value'
import { expect, it } from 'vitest'
import { parseCIDR } from '../controller/network/ip.ts'
import { digestOf } from '../test/digest.ts'
import { kindOf, type Manifest, schemaProblems } from '../test/manifests.ts'
import { good, mutated } from '../test/mutations.ts'
import type { Network } from './index.ts'

/** As it is read: with the defaults that the API server fills in. */
const filled = (object: Manifest): Manifest => ({
  ...object,
  spec: Value.Default(kindOf(object).spec, structuredClone(object.spec)) as Manifest['spec'],
})

it('every example is borne', () => {
  for (const object of good) expect(() => digestOf(filled(object)), JSON.stringify(object)).not.toThrow()
})

/** URLs and ranges are for CEL to refuse: nothing of ours sees others. */
function readable({ kind, spec }: Manifest): boolean {
  if (kind === 'Image') return URL.canParse(String(spec['url']))
  const { subnets = [] } = spec as Partial<Network['spec']>
  return kind !== 'Network' || subnets.every(({ cidr }) => parseCIDR(cidr) !== undefined)
}

// Wider than what the API server takes: of its rules only those that patterns say.
it('whatever the schema takes is borne', () => {
  let taken = 0
  const bears = (object: Manifest): void => {
    const whole = filled(object)
    if (schemaProblems(object).length > 0 || !Value.Check(kindOf(object).spec, whole.spec) || !readable(object)) return
    taken++
    digestOf(whole)
  }
  fc.assert(fc.property(mutated, bears), { numRuns: 1500 })
  expect(taken).toBeGreaterThan(150)
}, 60_000)
