/** Addresses as fields, and the rules about several of them: written in CEL, for the API server refuses what is wrong. */
import { Type } from 'typebox'
import { celRules, matchingPattern, type Rule } from '../schema.ts'

/** Go's netip reads them: no leading zeros, no IPv4 inside of IPv6, no zone. */
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

/** A range by its network address. */
export const CIDR = (description: string, example: string, ...more: Rule[]) =>
  Type.String({
    description,
    maxLength: 43,
    ...celRules({ rule: isRange, message: `must be a CIDR whose host bits are zero, such as ${example}` }, ...more),
  })

/** Ranges that no host has an address of: RFC 6890's own-machine, multicast and reserved ones. */
const unusable = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/3', '::/8', 'ff00::/8']

export const usableRange: Rule = {
  rule: `!isCIDR(self) || cidr(self).prefixLength() >= 8 && [${unusable.map((r) => `'${r}'`).join(', ')}].all(r, !cidr(r).containsCIDR(self))`,
  message: 'must be a range of addresses that hosts can have: a prefix of 8 or more, not loopback or multicast',
}

/** A unicast MAC. */
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

/** At most one of each family. */
export const oneOfEach: Rule = {
  rule: 'self.size() < 2 || !isIP(self[0]) || !isIP(self[1]) || ip(self[0]).family() != ip(self[1]).family()',
  message: 'two addresses must be one of IPv4 and one of IPv6',
}

/** CEL cannot compare addresses, but numbers: that of an IPv4 address. */
export const ipv4Number = (text: string): string => {
  const byte = (i: number) => `int(${text}.split('.')[${i}])`
  return `(((${byte(0)} * 256 + ${byte(1)}) * 256 + ${byte(2)}) * 256 + ${byte(3)})`
}

const lengths = Array.from({ length: 129 }, (_, n) => n)
/** As `/64`. The API server must know how long a text can be, or the rule has no bound: a part of one that stands here has its length. */
const prefix = (n: string): string =>
  `'/' + '${lengths.map((l) => String(l).padEnd(3)).join('')}'.substring(3 * (${n}), 3 * (${n}) + 3).trim()`

/**
 * Of IPv6 there is no number either, but prefixes: `a` comes before `b` where the longest that they share goes on in `a` with a 0, and in `b` not.
 * It costs too much for every pair of pools: whether these overlap is for the controller to see.
 */
export const isBeforeIPv6 = (a: string, b: string): string => {
  const half = `cidr(${a} + ${prefix('n + 1')})`
  const shared = `cidr(${b} + ${prefix('n')}).masked().ip()`
  return `[${lengths.slice(0, -1).join(', ')}].exists(n, ${half}.containsIP(${shared}) && !${half}.containsIP(${b}))`
}
