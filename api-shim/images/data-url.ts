/** The addresses from which hosts fetch uploaded images. Pure. */

/** Names the bytes of one image on the shim's volume. */
export interface DataKey {
  id: string
  /** 160 random bits. Whoever may read the Image knows them by its URL, and nobody else can guess them. */
  secret: string
}

const PATTERN = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/
const SECRET = /^[0-9a-f]{40}$/

export const isDataKey = ({ id, secret }: DataKey): boolean => PATTERN.test(id) && SECRET.test(secret)

/** The path of the route that serves the bytes, below the root of the Image API. */
const DATA_PATH = '/image/v2/data'

/** @param address the address of the shim for hosts, without a slash at the end */
export const dataUrlOf = (address: string, { id, secret }: DataKey): string => `${address}${DATA_PATH}/${id}/${secret}`

/** The key in a URL of the shim, whatever the shim's address was at that time. Undefined for any other URL. */
export function dataKeyOf(url: string): DataKey | undefined {
  const [id, secret, ...rest] = url.split(`${DATA_PATH}/`)[1]?.split('/') ?? []
  if (id === undefined || secret === undefined || rest.length > 0) return undefined
  return isDataKey({ id, secret }) ? { id, secret } : undefined
}
