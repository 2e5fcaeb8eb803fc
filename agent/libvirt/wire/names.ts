// Short texts come again and again: names of parameters, disks, domains. What was read lately is looked up by its bytes,
// which costs half as much as a new text and is quicker to use as a key.

/** Up to here looking is cheaper than making. */
export const nameMax = 32

const size = 2048
const lately: string[] = Array<string>(size).fill('')

/** The UTF-8 text of `bytes` from `start` to `end`. */
export function nameIn(bytes: Buffer, start: number, end: number): string {
  let hash = end - start
  for (let i = start; i < end; i += 1) hash = (hash * 31 + (bytes[i] ?? 0)) | 0
  const place = hash & (size - 1)
  const known = lately[place] ?? ''
  if (isText(known, bytes, start, end)) return known
  const text = bytes.toString('utf8', start, end)
  lately[place] = text
  return text
}

/** Only ASCII is found: there a byte is a character. */
function isText(text: string, bytes: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i)
    if (code !== bytes[start + i] || code > 0x7f) return false
  }
  return true
}
