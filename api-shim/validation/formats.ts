/** The string formats of Nova's schemas. Pure. */
import { isIPv4, isIPv6 } from 'node:net'
import { compileRegex } from '../http/regex.ts'
import { parseIsoTime } from '../http/time.ts'
import type { Problem } from './keywords.ts'
import { pythonRepr } from './python.ts'

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
/** Nova takes a UUID with or without dashes and in any case. */
const uuid = /^[0-9a-f]{32}$/i

const formats: Readonly<Record<string, (text: string) => boolean>> = {
  regex: (text) => text !== '' && compileRegex(text) !== undefined,
  'date-time': (text) => parseIsoTime(text) !== undefined,
  base64: (text) => base64.test(text.replaceAll(/\s/g, '')),
  uuid: (text) => uuid.test(text.replaceAll(/urn:|uuid:|[{}-]/g, '')),
  ipv4: isIPv4,
  ipv6: isIPv6,
  cidr: (text) => isCidr(text),
  uri: (text) => /^[a-z][a-z0-9+.-]*:\/\/[^/\s]+/i.test(text) && URL.canParse(text),
}

function isCidr(text: string): boolean {
  const [address = '', prefix = '', ...rest] = text.split('/')
  if (rest.length > 0 || !/^\d{1,3}$/.test(prefix)) return false
  return isIPv4(address) ? Number(prefix) <= 32 : isIPv6(address) && Number(prefix) <= 128
}

/** Nova's lists of printable characters end below U+10000, so an emoji is not printable. */
const printable = '[^\\p{C}\\p{Zl}\\p{Zp}\\u{10000}-\\u{10FFFF}]'
const visible = '[^\\p{C}\\p{Z}\\u{10000}-\\u{10FFFF}]'
/** Nova's pattern for descriptions. */
export const printableText = `^${printable}*$`

/**
 * If a name does not match, Nova answers with the reason alone, without path and value. As in Python, a pattern also
 * matches before a line feed at the end.
 */
const names: Readonly<Record<string, { pattern: RegExp; reason: string }>> = {
  name: {
    pattern: new RegExp(`^$|^${visible}\\n?$|^${visible}${printable}*${visible}\\n?$`, 'u'),
    reason: 'printable characters. Can not start or end with whitespace.',
  },
  name_with_leading_trailing_spaces: {
    pattern: new RegExp(`^${printable}*${visible}${printable}*\\n?$`, 'u'),
    reason: 'printable characters with at least one non space character',
  },
  az_name: {
    pattern: new RegExp(`^$|^(?!.*:)(${visible}|${visible}${printable}*${visible})\\n?$`, 'u'),
    reason: 'printable characters except :.Can not start or end with whitespace.',
  },
  az_name_with_leading_trailing_spaces: {
    pattern: new RegExp(`^(?!.*:)${printable}*${visible}${printable}*\\n?$`, 'u'),
    reason: 'printable characters except :, with at least one non space character',
  },
}

export function checkFormat(format: string, value: unknown): Problem | undefined {
  const name = names[format]
  if (name) {
    if (typeof value === 'string' && name.pattern.test(value)) return undefined
    return {
      path: [],
      value,
      message: `An invalid 'name' value was provided. The name must be: ${name.reason}`,
      isComplete: true,
    }
  }
  if (typeof value !== 'string' || formats[format]?.(value) !== false) return undefined
  return { path: [], value, message: `${pythonRepr(value)} is not a ${pythonRepr(format)}` }
}
