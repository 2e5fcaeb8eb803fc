/** XML out: elements as plain values, rendered with escaping; attribute order is that of writing, what is undefined is left out. */
import { Terminal } from '../../crds/index.ts'

/** An element. Children are elements or one text; made by `el`. */
export interface Element {
  readonly name: string
  readonly attributes: readonly (readonly [string, string])[]
  readonly children: readonly Element[]
  readonly text: string | undefined
}

type Value = string | number | undefined

/** Characters that XML 1.0 cannot carry in any form: production [2] Char; a lone surrogate is no character at all. */
// oxlint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  // A parser makes blanks of these in attributes, and of CR a newline everywhere, unless they are references.
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
}

/** An element; a string or number child is its text. Undefined attributes and children are skipped. */
export function el(
  name: string,
  attributes: Record<string, Value> = {},
  ...children: (Element | string | number | undefined)[]
): Element {
  const given = Object.entries(attributes).filter((entry): entry is [string, string | number] => entry[1] !== undefined)
  const texts = children.filter((c) => typeof c === 'string' || typeof c === 'number')
  return {
    name,
    attributes: given.map(([key, value]) => [key, String(value)]),
    children: children.filter((c) => typeof c === 'object'),
    text: texts.length > 0 ? texts.join('') : undefined,
  }
}

/**
 * The document, indented by two blanks a level; text is never padded.
 * Throws Terminal InvalidCharacter for what XML cannot carry: clean free text first.
 */
export function render(element: Element, indent = ''): string {
  const { name, children, text } = element
  const attributes = element.attributes.map(([key, value]) => ` ${key}="${escapeText(value)}"`).join('')
  const open = `${indent}<${name}${attributes}`
  if (children.length === 0) return text === undefined ? `${open}/>` : `${open}>${escapeText(text)}</${name}>`
  if (text !== undefined) return `${open}>${escapeText(text)}${children.map((c) => render(c)).join('')}</${name}>`
  return [`${open}>`, ...children.map((c) => render(c, `${indent}  `)), `${indent}</${name}>`].join('\n')
}

function escapeText(value: string): string {
  const bad = value.match(FORBIDDEN)?.[0]
  if (bad !== undefined) {
    const code = `U+${(bad.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
    throw new Terminal('InvalidCharacter', `${JSON.stringify(value)} has ${code}, which XML cannot carry: take it out`)
  }
  return value.replaceAll(/[&<>"'\t\n\r]/g, (c) => ESCAPES[c] ?? c)
}

/** Free text without what XML cannot carry: a title must not keep a server from running. */
export function clean(value: string): string {
  return value.replaceAll(FORBIDDEN, '')
}
