import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildDomain } from './build.ts'
import { makeDomainInput } from './examples.ts'
import { ownerElement, parseDomainOwner } from './metadata.ts'
import { renderXml } from './render-xml.ts'
import { arbitraryXmlText, parseDomain } from './testing.ts'

test('parseDomainOwner and parseDomain read the owner that ownerElement wrote', () => {
  const nonEmpty = arbitraryXmlText.filter((text) => text !== '')
  const anyOwner = fc.record(
    { namespace: nonEmpty, name: nonEmpty, uid: nonEmpty, generation: fc.nat(), bootId: arbitraryXmlText },
    { requiredKeys: ['namespace', 'name', 'uid'], noNullPrototype: true },
  )
  fc.assert(
    fc.property(anyOwner, (owner) => {
      const base = makeDomainInput()
      expect(parseDomain(buildDomain({ ...base, guest: { ...base.guest, owner } })).owner).toEqual(owner)
      expect(parseDomainOwner(renderXml(ownerElement(owner)))).toEqual(owner)
    }),
    { numRuns: 50 },
  )
})

describe('parseDomainOwner', () => {
  const OURS = 'https://kubenova.io/domain/1'
  test.each([
    ['the uid is missing', `<k:domain xmlns:k="${OURS}" namespace="a" name="b"/>`],
    ['the element is another one', `<k:thing xmlns:k="${OURS}" namespace="a" name="b" uid="c"/>`],
  ])('returns undefined when %s', (_, xml) => expect(parseDomainOwner(xml)).toBeUndefined())

  test.each([
    [
      'another prefix and ignores a generation that is no number',
      `<k:domain xmlns:k="${OURS}" namespace="a" name="b" uid="c" generation="x"/>`,
    ],
    ['no prefix', `<domain xmlns="${OURS}" namespace="a" name="b" uid="c"/>`],
  ])('reads an owner with %s', (_, xml) =>
    expect(parseDomainOwner(xml)).toEqual({ namespace: 'a', name: 'b', uid: 'c' }),
  )
})
