import { parseSync } from 'rolldown/utils'

export interface SourceComment {
  /** Counted from 1. */
  line: number
  /** The text without comment marks. Consecutive line comments are one comment. */
  text: string
}

export interface Source {
  path: string
  lines: readonly string[]
  comments: readonly SourceComment[]
  exportedFunctions: readonly { name: string; line: number }[]
  /** The titles of `it`, `test` and `describe`. */
  titles: readonly { title: string; line: number }[]
  commentLines: readonly number[]
}

interface Node {
  type: string
  start: number
  [field: string]: unknown
}
interface ParsedComment {
  type: string
  value: string
  start: number
  end: number
}

export function parseSource(path: string, text: string): Source {
  const { program, comments } = parseSync(path, text)
  const lineOf = lineCounter(text)
  const exported = (program as unknown as { body: Node[] }).body.flatMap(exportedFunctionsOf)
  return {
    path,
    lines: text.split('\n'),
    comments: joinLineComments(comments, text, lineOf),
    exportedFunctions: exported.map(({ name, start }) => ({ name, line: lineOf(start) })),
    titles: titlesOf(text).map(({ title, start }) => ({ title, line: lineOf(start) })),
    commentLines: comments.flatMap(({ start, end }) => range(lineOf(start), lineOf(end))),
  }
}

function lineCounter(text: string): (offset: number) => number {
  const lineOfOffset = new Uint32Array(text.length + 1)
  let line = 1
  for (let offset = 0; offset <= text.length; offset++) {
    lineOfOffset[offset] = line
    if (text[offset] === '\n') line += 1
  }
  return (offset) => lineOfOffset[offset] ?? line
}

const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i)

function exportedFunctionsOf({ type, declaration }: Node): { name: string; start: number }[] {
  const declared = declaration as Node | null | undefined
  if (type !== 'ExportNamedDeclaration' || !declared) return []
  if (declared.type === 'FunctionDeclaration') return [{ name: nameOf(declared), start: declared.start }]
  if (declared.type !== 'VariableDeclaration') return []
  return (declared['declarations'] as Node[])
    .filter(({ init }) => ['ArrowFunctionExpression', 'FunctionExpression'].includes((init as Node | null)?.type ?? ''))
    .map((variable) => ({ name: nameOf(variable), start: variable.start }))
}

const nameOf = ({ id }: Node): string => (id as { name: string }).name

function joinLineComments(
  comments: readonly ParsedComment[],
  text: string,
  lineOf: (offset: number) => number,
): SourceComment[] {
  const joined: (SourceComment & { end: number; isLine: boolean })[] = []
  for (const { type, value, start, end } of comments) {
    const last = joined.at(-1)
    const isLine = type === 'Line'
    if (last?.isLine && isLine && /^\n[ \t]*$/.test(text.slice(last.end, start))) {
      last.text += `\n${value.trim()}`
      last.end = end
    } else {
      joined.push({ line: lineOf(start), text: value.replaceAll(/^[ \t]*\*+/gm, '').trim(), end, isLine })
    }
  }
  return joined.map(({ line, text: words }) => ({ line, text: words }))
}

function titlesOf(text: string): { title: string; start: number }[] {
  const calls = text.matchAll(/^\s*(?:it|test|describe)(?:\.\w+)*(?:\([^'"`]*\))?\(\s*(['"`])(.*?)\1/gm)
  return [...calls].map(({ 2: title = '', index, 0: call }) => ({ title, start: index + call.length - 1 }))
}
