import fc from 'fast-check'
import { Value } from 'typebox/value'
import { expect, it } from 'vitest'
import { parseCIDR } from '../controller/network/ip.ts'
import { computeWithoutEffects } from '../test/computations.ts'
import { findSchemaProblems, kindOf, type Manifest } from '../test/manifests.ts'
import { mutatedExamples, validExamples } from '../test/mutations.ts'
import type { Network } from './index.ts'

const withDefaults = (object: Manifest): Manifest => ({
  ...object,
  spec: Value.Default(kindOf(object).spec, structuredClone(object.spec)) as Manifest['spec'],
})

it('the computations of controller and agent do not fail on any example', () => {
  for (const object of validExamples)
    expect(() => computeWithoutEffects(withDefaults(object)), JSON.stringify(object)).not.toThrow()
})

/** CEL rules reject invalid URLs and CIDRs, so the controller and the agents never get them. */
function passesCelRules({ kind, spec }: Manifest): boolean {
  if (kind === 'Image') return URL.canParse(String(spec['url']))
  const { subnets = [] } = spec as Partial<Network['spec']>
  return kind !== 'Network' || subnets.every(({ cidr }) => parseCIDR(cidr) !== undefined)
}

// Most CEL rules are not checked here, so the computations also get objects that the API server would reject.
it('the computations of controller and agent do not fail on an object that the schema accepts', () => {
  let accepted = 0
  const check = (object: Manifest): void => {
    const whole = withDefaults(object)
    if (
      findSchemaProblems(object).length > 0 ||
      !Value.Check(kindOf(object).spec, whole.spec) ||
      !passesCelRules(object)
    )
      return
    accepted++
    computeWithoutEffects(whole)
  }
  fc.assert(fc.property(mutatedExamples, check), { numRuns: 1500 })
  expect(accepted).toBeGreaterThan(150)
}, 60_000)
