/** Renders values as Lua source text. */

/** Objects and arrays become tables, and null becomes nil. */
export function luaLiteral(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (Array.isArray(value)) return `{ ${value.map(luaLiteral).join(', ')} }`
  if (value === null || value === undefined) return 'nil'
  if (typeof value !== 'object') return JSON.stringify(value)
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  if (fields.length === 0) return '{}'
  return `{ ${fields.map(([name, field]) => `${tableKey(name)} = ${luaLiteral(field)}`).join(', ')} }`
}

const keywords = new Set(
  'and break do else elseif end false for function if in local nil not or repeat return then true until while'.split(
    ' ',
  ),
)

function tableKey(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) && !keywords.has(name) ? name : `[${quote(name)}]`
}

/** Lua 5.1 knows no \u, but takes UTF-8 as it is, and control characters as decimal escapes. */
function quote(text: string): string {
  const escaped = text.replaceAll(/["\\]/g, '\\$&').replaceAll(/\p{Cc}/gu, escapeControl)
  return `"${escaped}"`
}

/**
 * A decimal escape stands for one byte. The control characters above U+007F are two bytes in UTF-8, so they stay as
 * they are.
 */
const escapeControl = (character: string): string =>
  character > '\u007F' ? character : `\\${String(character.charCodeAt(0)).padStart(3, '0')}`
