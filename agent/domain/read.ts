/**
 * XML in: a tree of plain nodes, for the few files of this folder that read libvirt's documents.
 * The documents hold what guests' owners wrote. So: no DOCTYPE, no entities but XML's own five and character references, a
 * limit on size and depth, and no names of members in prototypes.
 */
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { Terminal } from '../../crds/index.ts'

export interface XmlNode {
  readonly name: string
  readonly attributes: Readonly<Record<string, string | undefined>>
  readonly children: readonly XmlNode[]
  readonly text: string
}

/** libvirt's own limit on a string of its protocol (REMOTE_STRING_MAX). */
const MAX_LENGTH = 4 * 1024 * 1024

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  // decode() below does it, in one pass.
  processEntities: false,
  cdataPropName: '#cdata',
  ignoreDeclaration: true,
  ignorePiTags: true,
  maxNestedTags: 64,
})

/** fast-xml-parser's form with preserveOrder. */
type Raw = Record<string, unknown> & { ':@'?: Record<string, string> }

/** The root element. Throws Terminal InvalidXML, with `what` it is in the message. */
export function readXml(xml: string, what: string): XmlNode {
  const fail = (why: string, cause?: unknown) => new Terminal('InvalidXML', `${what}: ${why}`, { cause })
  if (xml.length > MAX_LENGTH) throw fail(`is ${xml.length} characters long, ${MAX_LENGTH} are allowed`)
  if (/<!DOCTYPE/i.test(xml)) throw fail('has a DOCTYPE, which is refused')
  const verdict = XMLValidator.validate(xml)
  if (verdict !== true) throw fail(`${verdict.err.msg} in line ${verdict.err.line}`)
  let list: Raw[]
  try {
    list = parser.parse(xml) as Raw[]
  } catch (error) {
    throw fail('cannot be read', error)
  }
  const roots = list.map(nodeOf).filter((node) => node !== undefined)
  const root = roots[0]
  if (root === undefined || roots.length > 1) throw fail(`has ${roots.length} root elements`)
  return root

  function nodeOf(raw: Raw): XmlNode | undefined {
    const name = Object.keys(raw).find((key) => key !== ':@')
    if (name === undefined || name.startsWith('#')) return undefined
    const inner = raw[name] as Raw[]
    const attributes = Object.entries(raw[':@'] ?? {}).map(([key, value]) => [key, decode(value)])
    return {
      name,
      attributes: { __proto__: null, ...Object.fromEntries(attributes) } as XmlNode['attributes'],
      children: inner.map(nodeOf).filter((node) => node !== undefined),
      text: inner.map(textIn).join(''),
    }
  }

  function textIn(raw: Raw): string {
    if (typeof raw['#text'] === 'string') return decode(raw['#text'])
    const cdata = raw['#cdata'] as Raw[] | undefined
    const text = cdata?.[0]?.['#text']
    return typeof text === 'string' ? text : ''
  }

  function decode(value: string): string {
    return value.replaceAll(/&([^;&]{0,10});?/g, (whole, body: string) => {
      const known = NAMED[body] ?? characterOf(body)
      if (known === undefined || !whole.endsWith(';')) throw fail(`has the unknown entity ${whole}`)
      return known
    })
  }
}

const NAMED: Record<string, string | undefined> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

function characterOf(body: string): string | undefined {
  const digits = /^#(?:x([0-9a-fA-F]+)|([0-9]+))$/.exec(body)
  if (digits === null) return undefined
  const code = digits[1] === undefined ? Number(digits[2]) : Number.parseInt(digits[1], 16)
  return code <= 0x10ffff ? String.fromCodePoint(code) : undefined
}

/** First child of that name, through several levels: at(domain, 'os', 'type'). */
export function at(node: XmlNode | undefined, ...path: string[]): XmlNode | undefined {
  return path.reduce<XmlNode | undefined>((n, name) => n?.children.find((c) => c.name === name), node)
}

export function all(node: XmlNode | undefined, name: string): XmlNode[] {
  return node?.children.filter((c) => c.name === name) ?? []
}

/** Text without blanks around it; undefined if there is none. */
export function textAt(node: XmlNode | undefined, ...path: string[]): string | undefined {
  return at(node, ...path)?.text.trim() || undefined
}
