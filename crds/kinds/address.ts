/** Addresses as fields, and the CEL rules by which the API server refuses invalid ones. */
import { Type } from 'typebox'
import { celRules, matchingPattern, type Rule } from '../schema.ts'

/** An IP address that Go's netip parses: no leading zeros, no IPv4 within IPv6, no zone. */
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

/** A range of addresses, given by its network address. */
export const CIDR = (description: string, example: string, ...more: Rule[]) =>
  Type.String({
    description,
    maxLength: 43,
    ...celRules({ rule: isRange, message: `must be a CIDR whose host bits are zero, such as ${example}` }, ...more),
  })

/** Ranges without addresses for hosts: the loopback, multicast and reserved ranges of RFC 6890. */
const unusable = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/3', '::/8', 'ff00::/8']

export const usableRange: Rule = {
  rule: `!isCIDR(self) || cidr(self).prefixLength() >= 8 && [${unusable.map((r) => `'${r}'`).join(', ')}].all(r, !cidr(r).containsCIDR(self))`,
  message: 'must be a range of addresses that hosts can have: a prefix of 8 or more, not loopback or multicast',
}

/** A unicast MAC address. */
export const MAC = (description: string) =>
  Type.String({
    description,
    ...matchingPattern(
      '^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$',
      'must be a unicast MAC in lower case with colons, such as fa:16:3e:00:00:01',
    ),
    maxLength: 17,
    ...celRules({ rule: "self != '00:00:00:00:00:00'", message: 'must be a MAC that a card can have: not all zeros' }),
  })

/** The rule that a list has at most one address of each family. */
export const oneOfEach: Rule = {
  rule: 'self.size() < 2 || !isIP(self[0]) || !isIP(self[1]) || ip(self[0]).family() != ip(self[1]).family()',
  message: 'two addresses must be one of IPv4 and one of IPv6',
}

/** CEL for the number of an IPv4 address: CEL can compare numbers, but not addresses. */
export const ipv4Number = (text: string): string => {
  const byte = (i: number) => `int(${text}.split('.')[${i}])`
  return `(((${byte(0)} * 256 + ${byte(1)}) * 256 + ${byte(2)}) * 256 + ${byte(3)})`
}

const lengths = Array.from({ length: 129 }, (_, n) => n)
/**
 * CEL for a prefix such as `/64`. It is cut out of a literal, so that the API server knows its greatest length:
 * otherwise the cost of a rule would have no bound.
 */
const prefix = (n: string): string =>
  `'/' + '${lengths.map((l) => String(l).padEnd(3)).join('')}'.substring(3 * (${n}), 3 * (${n}) + 3).trim()`

/**
 * CEL for whether IPv6 address `a` comes before `b`. CEL has no numbers for IPv6, but prefixes: after the longest
 * prefix that both share, the next bit of `a` is 0 and that of `b` is 1. This costs too much for every pair of pools,
 * so the controller finds pools of IPv6 that overlap.
 */
export const isBeforeIPv6 = (a: string, b: string): string => {
  const half = `cidr(${a} + ${prefix('n + 1')})`
  const shared = `cidr(${b} + ${prefix('n')}).masked().ip()`
  return `[${lengths.slice(0, -1).join(', ')}].exists(n, ${half}.containsIP(${shared}) && !${half}.containsIP(${b}))`
}
