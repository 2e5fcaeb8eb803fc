// Where a server listens, in one word.

/** '127.0.0.1:8080' as its parts. */
export function parseAddress(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(':')
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) }
}
