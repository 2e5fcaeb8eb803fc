// A cache of short texts, such as names of parameters, disks and domains, which come again and again. A lookup by the
// bytes costs half as much as decoding a new text, and the cached text is a faster object key.

/** Up to this length, a lookup is cheaper than decoding. */
export const nameMax = 32

const size = 2048
const cache: string[] = Array<string>(size).fill('')

/** Decodes the UTF-8 text of `bytes` from `start` to `end`. */
export function decodeName(bytes: Buffer, start: number, end: number): string {
  let hash = end - start
  for (let i = start; i < end; i += 1) hash = (hash * 31 + (bytes[i] ?? 0)) | 0
  const place = hash & (size - 1)
  const known = cache[place] ?? ''
  if (hasSameText(known, bytes, start, end)) return known
  const text = bytes.toString('utf8', start, end)
  cache[place] = text
  return text
}

/** Matches ASCII texts only, in which a byte is a character. */
function hasSameText(text: string, bytes: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i)
    if (code !== bytes[start + i] || code > 0x7f) return false
  }
  return true
}
