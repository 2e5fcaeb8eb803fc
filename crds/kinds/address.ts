import { Type } from 'typebox'
import { celRules, patternWithMessage, type Rule } from '../schema.ts'

/**
 * A field with an IP address that CEL's isIP accepts: no leading zeros, no IPv4 address embedded in an IPv6 address, no
 * zone such as `%eth0`.
 */
export const IP = (description: string) =>
  Type.String({
    description,
    maxLength: 45,
    ...celRules(
      { rule: 'isIP(self)', message: 'must be an IP address, such as 10.0.0.5 or 2001:db8::5' },
      {
        rule: '!isIP(self) || ip(self).isGlobalUnicast() || ip(self).isLinkLocalUnicast()',
        message: 'must be an address that a host can have: not multicast, broadcast, loopback or 0.0.0.0',
      },
    ),
  })

const isRange = 'isCIDR(self) && cidr(self) == cidr(self).masked()'

/** A field with a range of addresses as a CIDR whose host bits are zero, such as 10.0.0.0/24. */
export const CIDR = (description: string, example: string, ...more: Rule[]) =>
  Type.String({
    description,
    maxLength: 43,
    ...celRules({ rule: isRange, message: `must be a CIDR whose host bits are zero, such as ${example}` }, ...more),
  })

/**
 * Ranges in which no host can be given an address: the loopback, multicast and reserved ranges of RFC 6890, and
 * fe80::/10, in which IPv6 hosts make their own addresses.
 */
const unusable = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/3', '::/8', 'fe80::/10', 'ff00::/8']

export const usableRange: Rule = {
  rule: `!isCIDR(self) || cidr(self).prefixLength() >= 8 && [${unusable.map((r) => `'${r}'`).join(', ')}].all(r, !cidr(r).containsCIDR(self))`,
  message:
    'must be a range of addresses that hosts can have: a prefix of 8 or more, not loopback, multicast or fe80::/10',
}

/** A field with a unicast MAC address. */
export const MAC = (description: string) =>
  Type.String({
    description,
    ...patternWithMessage(
      '^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$',
      'must be a unicast MAC in lower case with colons, such as fa:16:3e:00:00:01',
    ),
    maxLength: 17,
    ...celRules({ rule: "self != '00:00:00:00:00:00'", message: 'must be a MAC that a card can have: not all zeros' }),
  })

export const oneOfEach: Rule = {
  rule: 'self.size() < 2 || !isIP(self[0]) || !isIP(self[1]) || ip(self[0]).family() != ip(self[1]).family()',
  message: 'two addresses must be one of IPv4 and one of IPv6',
}

/** A CEL expression for an IPv4 address as a number, because CEL cannot order addresses. */
export const ipv4Number = (text: string): string => {
  const byte = (i: number) => `int(${text}.split('.')[${i}])`
  return `(((${byte(0)} * 256 + ${byte(1)}) * 256 + ${byte(2)}) * 256 + ${byte(3)})`
}

const lengths = Array.from({ length: 129 }, (_, n) => n)
/**
 * A CEL expression for a prefix length as text, such as `/64`. The text is cut out of a literal: the API server knows a
 * literal's length, and so estimates a lower cost.
 * @param n a CEL expression for the prefix length
 */
const prefix = (n: string): string =>
  `'/' + '${lengths.map((l) => String(l).padEnd(3)).join('')}'.substring(3 * (${n}), 3 * (${n}) + 3).trim()`

/**
 * A CEL expression for whether IPv6 address `a` is lower than `b`. CEL has no 128-bit numbers, so the expression takes
 * the longest prefix that both share, and checks that the next bit is 0 in `a` and 1 in `b`. The expression is too
 * expensive for every pair of pools, so the controller finds overlapping IPv6 pools.
 */
export const ipv6LessThanExpression = (a: string, b: string): string => {
  const half = `cidr(${a} + ${prefix('n + 1')})`
  const shared = `cidr(${b} + ${prefix('n')}).masked().ip()`
  return `[${lengths.slice(0, -1).join(', ')}].exists(n, ${half}.containsIP(${shared}) && !${half}.containsIP(${b}))`
}
