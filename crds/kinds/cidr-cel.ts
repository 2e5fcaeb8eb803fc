/**
 * CEL conditions on the addresses of a Subnet, from which subnet-rules.ts and route-rules.ts are made. In a condition
 * `self` is the Subnet, and `text` is a CEL expression for a string, such as `self.gateway`.
 */
import { ipv4Number } from './address.ts'

/**
 * Conditions under which a rule skips a field because it is absent or invalid. Another rule rejects an invalid field,
 * with a better message.
 */
export const invalidCidr = '!isCIDR(self.cidr)'
export const absentOrInvalid = (field: string): string => `!has(self.${field}) || !isIP(self.${field})`
export const notIPv4 = (text: string): string => `!isIP(${text}) || ip(${text}).family() != 4`
export const notIPv6 = (text: string): string => `!isIP(${text}) || ip(${text}).family() != 6`

/** Address and CIDR must be valid. */
export const otherFamily = (text: string): string => `ip(${text}).family() != cidr(self.cidr).ip().family()`
export const insideCidr = (text: string): string => `cidr(self.cidr).containsIP(${text})`

export const isSingleAddress = 'cidr(self.cidr).prefixLength() == (cidr(self.cidr).ip().family() == 4 ? 32 : 128)'

/** CEL cannot compute powers, so `size`, the number of addresses of an IPv4 `cidr`, is looked up in this list. */
const powers = `[${Array.from({ length: 33 }, (_, i) => 2 ** i).join(', ')}]`
const size = `${powers}[32 - cidr(self.cidr).prefixLength()]`

/** True only for IPv4. Address and CIDR must be valid. */
export const isNetworkOrBroadcast = (text: string): string =>
  `ip(${text}).family() == 4 && ${insideCidr(text)} && cidr(self.cidr).prefixLength() <= 30 && ${ipv4Number(text)} % ${size} in [0, ${size} - 1]`
