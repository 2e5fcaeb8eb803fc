const TAR_BLOCK = 512
const TAR_SUM = 148

/**
 * The header of a tar archive contains the sum of the header's bytes, in octal digits. For the sum, the bytes of the
 * field that holds the sum count as blanks.
 */
export function isTar(head: Buffer): boolean {
  if (head.length < TAR_BLOCK) return false
  const field = head.toString('latin1', TAR_SUM, TAR_SUM + 8)
  if (!/^ *[0-7]{1,7}[ \0]/.test(field)) return false
  const block = Buffer.from(head.subarray(0, TAR_BLOCK)).fill(' ', TAR_SUM, TAR_SUM + 8)
  return block.reduce((sum, byte) => sum + byte, 0) === Number.parseInt(field, 8)
}

const texts: [RegExp, string][] = [
  [/<(!doctype\s+html|html|head|body|title|meta|script)\b/i, 'an HTML page'],
  [/^#!/, 'a script'],
  [/^<\?xml|^<[a-z]+[^<]*>/i, 'an XML document'],
  [/^version https:\/\/git-lfs/, 'a pointer of Git LFS, not the file that it points to'],
  [/^[[{]/, 'a JSON document'],
  [/^-----BEGIN /, 'a key, a certificate or a signature'],
]

/** Says what kind of text a file is; undefined if it is no text. */
export function describeText(head: Buffer): string | undefined {
  const text = decodeText(head)?.trimStart()
  // An installer may be a script with binary data after it.
  if (text === undefined) return head.toString('latin1', 0, 3) === '#!/' ? 'a script' : undefined
  return texts.find(([pattern]) => pattern.test(text))?.[1] ?? 'a text'
}

const utf16 = { fffe: 'utf-16le', feff: 'utf-16be' } as const

/** Returns undefined if the bytes are no text. The last character may be cut off. */
function decodeText(head: Buffer): string | undefined {
  const mark = head.toString('hex', 0, 2)
  if (mark === 'fffe' || mark === 'feff') return printable(decode(head, utf16[mark]))
  const text = decode(head, 'utf-8')
  if (text !== undefined) return printable(text)
  // A page in an encoding other than UTF-8 is recognized by its first tag.
  const bytes = head.toString('latin1')
  return /^\s*<[!a-z?]/i.test(bytes) ? printable(bytes) : undefined
}

function decode(bytes: Buffer, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: true })
  } catch {
    return undefined
  }
}

function printable(text: string | undefined): string | undefined {
  // oxlint-disable-next-line no-control-regex -- these characters tell binary data from text
  return text === undefined || /[\0-\x06\x0e-\x1a\x1c-\x1f]/.test(text) ? undefined : text
}
