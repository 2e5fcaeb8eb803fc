/**
 * Every code of an error and every reason of a condition that the code can say, gathered from its text: `new Refused('Code', message)`
 * and its kin, `reason: 'Code'`, `refuse('Code', message)`. A code that is not a literal there must be accounted for in `indirect`.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Reason {
  code: string
  /** Class of the error; undefined: a reason of a condition that is said without an error. */
  kind: string | undefined
  /** The sentence, with … for values; empty: it is another's, such as libvirt's. */
  message: string
  program: 'controller' | 'agent'
}

interface Indirect {
  find: RegExp
  /** With $ for what was found. */
  code: string
  kind: string
  message: string
}

/** Files in which a code comes out of a variable: where it has its values from. */
const indirect: Record<string, Indirect[]> = {
  'agent/host/errors.ts': [{ find: /VIR_ERR_\w+: '([A-Z]\w+)'/g, code: '$', kind: 'Terminal', message: '' }],
  'agent/image/qemu-img.ts': [{ find: /qemuImgError\(\s*'([A-Z]\w+)'/g, code: '$', kind: 'Terminal', message: '' }],
  'agent/net/run.ts': [{ find: /new CommandFailed\(\s*'([A-Z]\w+)'/g, code: '$', kind: 'Transient', message: '' }],
  'agent/image/download.ts': [{ find: /new Kind\(\s*'([A-Z]\w+)'/g, code: '$', kind: 'Transient', message: '' }],
  'controller/server/resolve.ts': [
    {
      find: /requireFound\('([A-Z]\w+)'/g,
      code: '$NotFound',
      kind: 'Refused',
      message: '$ … does not exist; the server waits for it',
    },
  ],
}

interface Opening {
  find: RegExp
  kind?: (match: RegExpExecArray) => string | undefined
  message: RegExp
}

/** Openings of a construct that names a code, up to where the code stands. */
const openings: readonly Opening[] = [
  { find: /new (Refused|NotFound|Transient|Terminal|Bug)\(\s*/g, kind: (m) => m[1], message: /^,\s*/ },
  { find: /\bre(?:fuse|ject)\(\s*(?:asked,\s*)?(?=')/g, message: /^,\s*/ },
  { find: /\bemitDeletionEvent\(server, (?=')/g, message: /^,\s*/ },
  { find: /\breason: (?=')/g, message: /^,?[^'"`]{0,40}?message:\s*/ },
]

const quotes = new Set(["'", '"', '`'])

/** The string or template literal at `at`, with … for what a template fills in; and where it ends. */
export function literalAt(text: string, at: number): { value: string; end: number } | undefined {
  const quote = text[at]
  if (quote === undefined || !quotes.has(quote)) return undefined
  let value = ''
  for (let i = at + 1; i < text.length; i++) {
    const char = text[i]
    if (char === quote) return { value, end: i + 1 }
    if (char === '\\') value += text[++i] ?? ''
    else if (quote === '`' && text.startsWith('${', i)) {
      i = placeholderEnd(text, i + 2)
      value += '…'
    } else value += char
  }
  return undefined
}

/** Index of the brace that ends a placeholder; braces and templates in it are counted in. */
function placeholderEnd(text: string, from: number): number {
  let depth = 1
  for (let i = from; i < text.length; i++) {
    const nested = text[i] === '`' ? literalAt(text, i) : undefined
    if (nested) i = nested.end - 1
    else if (text[i] === '{') depth++
    else if (text[i] === '}' && --depth === 0) return i
  }
  throw new Error('a template literal does not end')
}

type Found = Omit<Reason, 'program'>

/** @throws for a code that is neither a literal nor accounted for */
export function reasonsIn(file: string, text: string): Found[] {
  return [...openings.flatMap((opening) => literal(file, text, opening)), ...(indirect[file] ?? []).flatMap(byTable)]

  function byTable({ find, code, kind, message }: Indirect): Found[] {
    const values = new Set([...text.matchAll(find)].map((m) => m[1] ?? ''))
    if (values.size === 0) throw new Error(`${file}: ${String(find)} finds no code`)
    return [...values].map((v) => ({ code: code.replace('$', v), kind, message: message.replace('$', v) }))
  }
}

function literal(file: string, text: string, { find, kind, message }: Opening): Found[] {
  return [...text.matchAll(find)].flatMap((match) => {
    const at = match.index + match[0].length
    const code = literalAt(text, at)
    if (code !== undefined && /^[A-Z]\w+$/.test(code.value))
      return [{ code: code.value, kind: kind?.(match), message: messageAfter(text, code.end, message) }]
    // Only errors must have a code; `reason` is a common word. A problem's reason was found where the problem is made.
    if (kind && !(file in indirect) && !text.startsWith('problem.reason', at))
      throw new Error(
        `${file}: ${match[0]}… has a code that is not a literal: account for it in hack/generate/reasons.ts`,
      )
    return []
  })
}

function messageAfter(text: string, end: number, opening: RegExp): string {
  const match = opening.exec(text.slice(end, end + 80))
  return match ? (literalAt(text, end + match[0].length)?.value ?? '') : ''
}

const isSource = (file: string): boolean => !/(\.test\.ts|\/testing\/|\/testing\.ts|examples\.ts)$/.test(file)

/** All of them, by code. */
export function allReasons(root: string): Reason[] {
  const files = globSync(['actions/**/*.ts', 'controller/**/*.ts', 'agent/**/*.ts'], {
    cwd: root,
    exclude: ['agent/libvirt/**', '**/testing/**'],
  })
  const all = files
    .filter(isSource)
    .toSorted((a, b) => a.localeCompare(b))
    .flatMap((file) => {
      const program: Reason['program'] = file.startsWith('agent/') ? 'agent' : 'controller'
      return reasonsIn(file, readFileSync(join(root, file), 'utf8')).map((r) => ({ ...r, program }))
    })
  const once = new Map(all.map((r) => [JSON.stringify(r), r]))
  return [...once.values()].toSorted((a, b) => (a.code < b.code ? -1 : a.code > b.code ? 1 : 0))
}
