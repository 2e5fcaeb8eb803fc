import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { at, readXml } from './read.ts'
import { anyText } from './testing.ts'
import { el, render } from './xml.ts'

test('what was written is read: text and attributes, any characters', () => {
  fc.assert(
    fc.property(anyText, anyText, (text, attribute) => {
      const node = readXml(render(el('a', { x: attribute }, el('b', {}, text))), 'test')
      expect([node.attributes['x'], at(node, 'b')?.text]).toEqual([attribute, text])
    }),
  )
})

describe('what is no document of ours', () => {
  const bomb = `<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><domain type='kvm'><name>&b;</name></domain>`
  const cases = [
    ['DOCTYPE', bomb, /DOCTYPE/],
    ['doctype, small', '<!doctype x><domain/>', /DOCTYPE/],
    ['unknown entity', '<domain><name>&x;</name></domain>', /unknown entity &x;/],
    ['character beyond Unicode', '<domain><name>&#x110000;</name></domain>', /unknown entity/],
    ['half a document', '<domain><name>', /./],
    ['two roots', '<a/><b/>', /./],
    ['nothing', '', /./],
    ['too deep', `${'<a>'.repeat(100)}${'</a>'.repeat(100)}`, /./],
    ['too long', `<a>${' '.repeat(4 * 1024 * 1024)}</a>`, /characters long/],
    ['prototype', '<domain><__proto__>1</__proto__></domain>', /./],
  ] as const
  test.each(cases)('%s', (_, xml, message) => {
    expect(() => readXml(xml, 'test')).toThrow(
      expect.objectContaining({ code: 'InvalidXML', message: expect.stringMatching(message) }),
    )
  })
})
