import { BlockList, isIP } from 'node:net'

export interface DataKey {
  id: string
  /** 160 random bits, which are in the Image's URL. Only who may read the Image knows them. */
  secret: string
}

const PATTERN = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/
const SECRET = /^[0-9a-f]{40}$/

export const isDataKey = ({ id, secret }: DataKey): boolean => PATTERN.test(id) && SECRET.test(secret)

const DATA_PATH = '/image/v2/data'

/** @param address the address of the shim for hosts, without a slash at the end */
export const dataUrlOf = (address: string, { id, secret }: DataKey): string => `${address}${DATA_PATH}/${id}/${secret}`

/**
 * Returns the key in a URL of the shim, also if the URL has an old address of the shim. Returns undefined for all other
 * URLs.
 */
export function dataKeyOf(url: string): DataKey | undefined {
  const [id, secret, ...rest] = url.split(`${DATA_PATH}/`)[1]?.split('/') ?? []
  if (id === undefined || secret === undefined || rest.length > 0) return undefined
  return isDataKey({ id, secret }) ? { id, secret } : undefined
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/** Whether a URL leads each host to itself. Agents fetch images from no such URL. */
export function isLoopbackUrl(url: string): boolean {
  const host = URL.parse(url)?.hostname.replace(/^\[(.*)\]$/, '$1') ?? ''
  const family = isIP(host)
  if (family === 0) return host === 'localhost' || host.endsWith('.localhost')
  return loopback.check(host, family === 6 ? 'ipv6' : 'ipv4')
}
