import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildDomain } from './build.ts'
import { input } from './examples.ts'
import { markElement, parseMark } from './metadata.ts'
import { anyText, parseDomain } from './testing.ts'
import { render } from './xml.ts'

test('a mark is read as it was written, in a domain and alone', () => {
  const name = anyText.filter((s) => s !== '')
  const mark = fc.record(
    { namespace: name, name, uid: name, generation: fc.nat(), boot: anyText },
    { requiredKeys: ['namespace', 'name', 'uid'], noNullPrototype: true },
  )
  fc.assert(
    fc.property(mark, (mark) => {
      const base = input()
      expect(parseDomain(buildDomain({ ...base, guest: { ...base.guest, mark } })).mark).toEqual(mark)
      expect(parseMark(render(markElement(mark)))).toEqual(mark)
    }),
    { numRuns: 50 },
  )
})

describe('what virDomainGetMetadata gives of our namespace', () => {
  const OURS = 'https://kubenova.io/domain/1'
  test.each([
    ['no uid', `<k:domain xmlns:k="${OURS}" namespace="a" name="b"/>`],
    ['another element', `<k:thing xmlns:k="${OURS}" namespace="a" name="b" uid="c"/>`],
  ])('%s: no mark', (_, xml) => expect(parseMark(xml)).toBeUndefined())

  test.each([
    ['another prefix, no number', `<k:domain xmlns:k="${OURS}" namespace="a" name="b" uid="c" generation="x"/>`],
    ['no prefix', `<domain xmlns="${OURS}" namespace="a" name="b" uid="c"/>`],
  ])('%s: ours', (_, xml) => expect(parseMark(xml)).toEqual({ namespace: 'a', name: 'b', uid: 'c' }))
})
