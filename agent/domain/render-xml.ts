/**
 * Renders XML from plain values: attributes keep their order, text is escaped, undefined attributes and children are
 * left out.
 */
import { Terminal } from '../../crds/index.ts'

/** Made by `xmlElement`. */
export interface Element {
  readonly name: string
  readonly attributes: readonly (readonly [string, string])[]
  readonly children: readonly Element[]
  readonly text: string | undefined
}

type Value = string | number | undefined

/** Characters that XML 1.0 cannot carry, not even as a reference (production [2] Char), and lone surrogates. */
// oxlint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  // A parser turns these into blanks in attributes, and CR into a newline everywhere, unless they are references.
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
}

/** A string or number among the children is text. */
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

/**
 * Indents by two blanks for each level and adds no blanks to text.
 * Throws Terminal InvalidCharacter: pass text of users through stripInvalidXmlCharacters first.
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

/** For text of users: a title with a control character must not keep a server from running. */
export function stripInvalidXmlCharacters(value: string): string {
  return value.replaceAll(FORBIDDEN, '')
}
