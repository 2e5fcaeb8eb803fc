/**
 * The requirements that extra specs express with Nova's operators, such as '>= 4', '<in> avx' or '<or> a <or> b'. A
 * text without an operator is met only by the same text. The operators:
 *
 *   ==  !=  >=  <=  =            compare numbers; `=` means `>=`
 *   s==  s!=  s<  s<=  s>  s>=   compare texts
 *   <in> x                       x is part of the value
 *   <all-in> x y …               each of x, y, … is part of the value
 *   <or> a <or> b …              the value is one of a, b, …
 */

/** Parses what Python's float() accepts, except underscores and nan. Otherwise returns undefined. */
function parseNumber(text: string): number | undefined {
  const word = text.trim()
  if (/^[+-]?(inf|infinity)$/i.test(word)) return word.startsWith('-') ? -Infinity : Infinity
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word) ? Number(word) : undefined
}

type Compare<T> = (value: T, operand: T) => boolean

const numericOperators: ReadonlyMap<string, Compare<number>> = new Map<string, Compare<number>>([
  ['=', (v, o) => v >= o],
  ['==', (v, o) => v === o],
  ['!=', (v, o) => v !== o],
  ['>=', (v, o) => v >= o],
  ['<=', (v, o) => v <= o],
])

const textOperators: ReadonlyMap<string, Compare<string>> = new Map<string, Compare<string>>([
  ['s==', (v, o) => v === o],
  ['s!=', (v, o) => v !== o],
  ['s<', (v, o) => v < o],
  ['s<=', (v, o) => v <= o],
  ['s>', (v, o) => v > o],
  ['s>=', (v, o) => v >= o],
  ['<in>', (v, o) => v.includes(o)],
])

export type IsMetBy = (value: string) => boolean

/**
 * If the first word is no operator, the value must equal the whole text. An operator without an operand is never met,
 * nor is a numeric operator if the operand or the value is not a number.
 */
export function parseRequirement(text: string): IsMetBy {
  const [operator = '', ...words] = text.split(/\s+/).filter((w) => w !== '')
  const operand = words[0]
  if (operator === '<or>') {
    const alternatives = new Set(words.filter((_, i) => i % 2 === 0))
    return (value) => alternatives.has(value)
  }
  if (operator === '<all-in>') return (value) => words.length > 0 && words.every((w) => value.includes(w))
  const compareText = textOperators.get(operator)
  if (compareText) return (value) => operand !== undefined && compareText(value, operand)
  const compareNumbers = numericOperators.get(operator)
  return compareNumbers ? numericRequirement(compareNumbers, operand) : (value) => value === text
}

function numericRequirement(compare: Compare<number>, operandText: string | undefined): IsMetBy {
  const operand = operandText === undefined ? undefined : parseNumber(operandText)
  return (value) => {
    const number = parseNumber(value)
    return number !== undefined && operand !== undefined && compare(number, operand)
  }
}
