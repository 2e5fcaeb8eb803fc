// A cache of short texts that occur often, such as names of parameters, disks and domains. A lookup takes half the time
// of decoding, and a reused text is a faster object key.

/** The longest text, in bytes, that the cache keeps. For a longer text, the lookup costs more than decoding. */
export const nameMax = 32

const size = 2048
const cache: string[] = Array<string>(size).fill('')

/** Returns the UTF-8 text of `bytes` from `start` to `end`. */
export function decodeName(bytes: Buffer, start: number, end: number): string {
  let hash = end - start
  for (let i = start; i < end; i += 1) hash = (hash * 31 + (bytes[i] ?? 0)) | 0
  const place = hash & (size - 1)
  const known = cache[place] ?? ''
  if (equalsAsciiBytes(known, bytes, start, end)) return known
  const text = bytes.toString('utf8', start, end)
  cache[place] = text
  return text
}

function equalsAsciiBytes(text: string, bytes: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i)
    if (code !== bytes[start + i] || code > 0x7f) return false
  }
  return true
}
