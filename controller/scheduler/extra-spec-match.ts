/**
 * Nova's operators in extra specs: does a value meet a requirement such as '>= 4', '<in> avx' or '<or> a <or> b'?
 *
 *   requirement = operator SP operand… | text        text: met by exactly that value
 *   numbers     =  (which is >=)  ==  !=  >=  <=     strings  s== s!= s< s<= s> s>=
 *   <in> x      x is part of the value               <all-in> x y   each is part of it
 *   <or> a <or> b …                                  the value is one of them
 */

/** Python's float(), without its underscores: undefined where that raises. */
function number(text: string): number | undefined {
  const word = text.trim()
  if (/^[+-]?(inf|infinity)$/i.test(word)) return word.startsWith('-') ? -Infinity : Infinity
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word) ? Number(word) : undefined
}

type Compare<T> = (value: T, wanted: T) => boolean

const numeric: ReadonlyMap<string, Compare<number>> = new Map<string, Compare<number>>([
  ['=', (v, w) => v >= w],
  ['==', (v, w) => v === w],
  ['!=', (v, w) => v !== w],
  ['>=', (v, w) => v >= w],
  ['<=', (v, w) => v <= w],
])

const textual: ReadonlyMap<string, Compare<string>> = new Map<string, Compare<string>>([
  ['s==', (v, w) => v === w],
  ['s!=', (v, w) => v !== w],
  ['s<', (v, w) => v < w],
  ['s<=', (v, w) => v <= w],
  ['s>', (v, w) => v > w],
  ['s>=', (v, w) => v >= w],
  ['<in>', (v, w) => v.includes(w)],
])

/** Whether a value meets the requirement that was read. */
export type Meets = (value: string) => boolean

/**
 * Reads a requirement, once for many values. An operator without its operand, and an operator of numbers where one side is
 * none, is never met. A word that is no operator makes the whole text the value that is wanted.
 */
export function requirement(text: string): Meets {
  const [operator = '', ...words] = text.split(/\s+/).filter((w) => w !== '')
  const first = words[0]
  if (operator === '<or>') {
    const wanted = new Set(words.filter((_, i) => i % 2 === 0))
    return (value) => wanted.has(value)
  }
  if (operator === '<all-in>') return (value) => words.length > 0 && words.every((w) => value.includes(w))
  const byText = textual.get(operator)
  if (byText) return (value) => first !== undefined && byText(value, first)
  const byNumber = numeric.get(operator)
  return byNumber ? comparison(byNumber, first) : (value) => value === text
}

function comparison(compare: Compare<number>, operand: string | undefined): Meets {
  const wanted = operand === undefined ? undefined : number(operand)
  return (value) => {
    const have = number(value)
    return have !== undefined && wanted !== undefined && compare(have, wanted)
  }
}
