/** Splits an address such as '127.0.0.1:8080' or '[::1]:8080' into host and port. */
export function parseAddress(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) }
}
