/**
 * Parses libvirt's XML documents. Users wrote some of the text in them, so the parser limits size and depth, rejects a
 * DOCTYPE, and knows only XML's own entities.
 */
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { Terminal } from '../../crds/index.ts'

export interface XmlNode {
  readonly name: string
  readonly attributes: Readonly<Record<string, string | undefined>>
  readonly children: readonly XmlNode[]
  readonly text: string
}

/** libvirt's limit for a string (REMOTE_STRING_MAX). */
const MAX_LENGTH = 4 * 1024 * 1024

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  // `decode` replaces entities; the library must not, or they would be decoded twice.
  processEntities: false,
  cdataPropName: '#cdata',
  ignoreDeclaration: true,
  ignorePiTags: true,
  maxNestedTags: 64,
})

type RawNode = Record<string, unknown> & { ':@'?: Record<string, string> }

/**
 * @param what the document's name, with which error messages begin
 * @throws a Terminal error (not retried) with the code InvalidXML if the XML is malformed, too large or has a DOCTYPE
 */
export function parseXml(xml: string, what: string): XmlNode {
  const fail = (why: string, cause?: unknown) => new Terminal('InvalidXML', `${what}: ${why}`, { cause })
  if (xml.length > MAX_LENGTH) throw fail(`is ${xml.length} characters long, ${MAX_LENGTH} are allowed`)
  if (/<!DOCTYPE/i.test(xml)) throw fail('has a DOCTYPE, which is refused')
  const verdict = XMLValidator.validate(xml)
  if (verdict !== true) throw fail(`${verdict.err.msg} in line ${verdict.err.line}`)
  let list: RawNode[]
  try {
    list = parser.parse(xml) as RawNode[]
  } catch (error) {
    throw fail('cannot be read', error)
  }
  const roots = list.map(nodeOf).filter((node) => node !== undefined)
  const root = roots[0]
  if (root === undefined || roots.length > 1) throw fail(`has ${roots.length} root elements`)
  return root

  function nodeOf(raw: RawNode): XmlNode | undefined {
    const name = Object.keys(raw).find((key) => key !== ':@')
    if (name === undefined || name.startsWith('#')) return undefined
    const inner = raw[name] as RawNode[]
    const attributes = Object.entries(raw[':@'] ?? {}).map(([key, value]) => [key, decode(value)])
    return {
      name,
      attributes: { __proto__: null, ...Object.fromEntries(attributes) } as XmlNode['attributes'],
      children: inner.map(nodeOf).filter((node) => node !== undefined),
      text: inner.map(textIn).join(''),
    }
  }

  function textIn(raw: RawNode): string {
    if (typeof raw['#text'] === 'string') return decode(raw['#text'])
    const cdata = raw['#cdata'] as RawNode[] | undefined
    const text = cdata?.[0]?.['#text']
    return typeof text === 'string' ? text : ''
  }

  function decode(value: string): string {
    return value.replaceAll(/&([^;&]{0,10});?/g, (whole, body: string) => {
      const character = NAMED_ENTITIES[body] ?? decodeCharacterReference(body)
      if (character === undefined || !whole.endsWith(';')) throw fail(`has the unknown entity ${whole}`)
      return character
    })
  }
}

const NAMED_ENTITIES: Record<string, string | undefined> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

function decodeCharacterReference(body: string): string | undefined {
  const digits = /^#(?:x([0-9a-fA-F]+)|([0-9]+))$/.exec(body)
  if (digits === null) return undefined
  const code = digits[1] === undefined ? Number(digits[2]) : Number.parseInt(digits[1], 16)
  return code <= 0x10ffff ? String.fromCodePoint(code) : undefined
}

/** childAt(domain, 'os', 'type') is the first <type> in the first <os>. */
export function childAt(node: XmlNode | undefined, ...path: string[]): XmlNode | undefined {
  return path.reduce<XmlNode | undefined>((parent, name) => parent?.children.find((child) => child.name === name), node)
}

export function childrenNamed(node: XmlNode | undefined, name: string): XmlNode[] {
  return node?.children.filter((child) => child.name === name) ?? []
}

/** Returns the trimmed text; undefined if there is no such element or its text is blank. */
export function textAt(node: XmlNode | undefined, ...path: string[]): string | undefined {
  return childAt(node, ...path)?.text.trim() || undefined
}
