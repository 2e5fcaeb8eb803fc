/**
 * Regular expressions that users send as filters. RE2 matches in linear time, so no filter can block the event loop.
 */
import { RE2JS } from 're2js'

export interface Matcher {
  /** Ignores case. The expression need not match the whole text. */
  test(text: string): boolean
}

/** Long expressions take long to compile, and no name or address is longer. */
const MAX_LENGTH = 1024

/** Undefined if the text is no regular expression, or one that RE2 does not support (back references, look-around). */
export function compileRegex(text: string): Matcher | undefined {
  if (text.length > MAX_LENGTH) return undefined
  try {
    const compiled = RE2JS.compile(text, RE2JS.CASE_INSENSITIVE)
    return { test: (subject) => compiled.matcher(subject).find() }
  } catch {
    return undefined
  }
}
