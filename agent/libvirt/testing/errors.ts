import { LibvirtError } from '../errors.ts'

/** @param code libvirt's number of the error: its index in `errorCodes` (error-codes.ts) */
export function makeLibvirtError(code: number, message: string): LibvirtError {
  const empty = { dom: null, str1: null, str2: null, str3: null, int1: 0, int2: 0, net: null }
  return new LibvirtError({ code, domain: 10, message, level: 2, ...empty }, 'test')
}
