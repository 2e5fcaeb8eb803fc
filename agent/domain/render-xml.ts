/** Renders XML from plain values. Text is escaped, and undefined attributes and children are left out. */
import { Terminal } from '../../crds/index.ts'
import type { XmlNode } from './parse-xml.ts'

/** An XML element, as `xmlElement` makes it. */
export interface Element {
  readonly name: string
  readonly attributes: readonly (readonly [string, string])[]
  readonly children: readonly Element[]
  readonly text: string | undefined
}

type Value = string | number | undefined

/** Characters that XML 1.0 forbids even as a character reference (production [2], Char), and lone surrogates. */
// oxlint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  // Otherwise an XML parser would turn these characters into spaces in attributes, and a carriage return into a newline
  // everywhere.
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
}

export function xmlElement(
  name: string,
  attributes: Record<string, Value> = {},
  ...children: (Element | string | number | undefined)[]
): Element {
  const definedAttributes = Object.entries(attributes).filter(
    (entry): entry is [string, string | number] => entry[1] !== undefined,
  )
  const texts = children.filter((child) => typeof child === 'string' || typeof child === 'number')
  return {
    name,
    attributes: definedAttributes.map(([key, value]) => [key, String(value)]),
    children: children.filter((child) => typeof child === 'object'),
    text: texts.length > 0 ? texts.join('') : undefined,
  }
}

/** Drops the text between child elements: in libvirt's documents it is only white space. */
export function elementFromNode({ name, attributes, children, text }: XmlNode): Element {
  return xmlElement(
    name,
    { ...attributes },
    ...(children.length > 0 ? children.map(elementFromNode) : [text.trim() || undefined]),
  )
}

/**
 * Adds no white space to elements that contain text.
 * @throws a Terminal error (not retried) with the code InvalidCharacter for a character that XML forbids. To avoid
 * this, pass text of users through stripInvalidXmlCharacters first
 */
export function renderXml(element: Element, indent = ''): string {
  const { name, children, text } = element
  const attributes = element.attributes.map(([key, value]) => ` ${key}="${escapeText(value)}"`).join('')
  const open = `${indent}<${name}${attributes}`
  if (children.length === 0) return text === undefined ? `${open}/>` : `${open}>${escapeText(text)}</${name}>`
  if (text !== undefined)
    return `${open}>${escapeText(text)}${children.map((child) => renderXml(child)).join('')}</${name}>`
  return [`${open}>`, ...children.map((child) => renderXml(child, `${indent}  `)), `${indent}</${name}>`].join('\n')
}

function escapeText(value: string): string {
  const bad = value.match(FORBIDDEN)?.[0]
  if (bad !== undefined) {
    const code = `U+${(bad.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
    throw new Terminal('InvalidCharacter', `${JSON.stringify(value)} has ${code}, which XML cannot carry: take it out`)
  }
  return value.replaceAll(/[&<>"'\t\n\r]/g, (c) => ESCAPES[c] ?? c)
}

/** For text of users: a control character in a title would make `renderXml` throw, and the server could not run. */
export function stripInvalidXmlCharacters(value: string): string {
  return value.replaceAll(FORBIDDEN, '')
}
