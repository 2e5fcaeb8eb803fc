import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { childAt, parseXml } from './parse-xml.ts'
import { renderXml, xmlElement } from './render-xml.ts'
import { arbitraryXmlText } from './testing.ts'

test('parseXml reads any text and attribute that renderXml wrote', () => {
  fc.assert(
    fc.property(arbitraryXmlText, arbitraryXmlText, (text, attribute) => {
      const node = parseXml(renderXml(xmlElement('a', { x: attribute }, xmlElement('b', {}, text))), 'test')
      expect([node.attributes['x'], childAt(node, 'b')?.text]).toEqual([attribute, text])
    }),
  )
})

describe('parseXml throws InvalidXML', () => {
  const bomb = `<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><domain type='kvm'><name>&b;</name></domain>`
  const cases = [
    ['a DOCTYPE with an entity bomb', bomb, /DOCTYPE/],
    ['a doctype in small letters', '<!doctype x><domain/>', /DOCTYPE/],
    ['an unknown entity', '<domain><name>&x;</name></domain>', /unknown entity &x;/],
    ['a reference to a character beyond Unicode', '<domain><name>&#x110000;</name></domain>', /unknown entity/],
    ['half a document', '<domain><name>', /Invalid .* found/],
    ['two root elements', '<a/><b/>', /has 2 root elements/],
    ['an empty document', '', /Start tag expected/],
    ['elements nested too deeply', `${'<a>'.repeat(100)}${'</a>'.repeat(100)}`, /cannot be read/],
    ['a document that is too long', `<a>${' '.repeat(4 * 1024 * 1024)}</a>`, /characters long/],
    ['an element named __proto__', '<domain><__proto__>1</__proto__></domain>', /cannot be read/],
  ] as const
  test.each(cases)('for %s', (_, xml, message) => {
    expect(() => parseXml(xml, 'test')).toThrow(
      expect.objectContaining({ code: 'InvalidXML', message: expect.stringMatching(message) }),
    )
  })
})
