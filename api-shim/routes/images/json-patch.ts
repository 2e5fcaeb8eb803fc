/** Reads both forms of JSON patch that Glance accepts. The errors have Glance's messages. Pure. */

import { Fault, newBadRequest, newForbidden } from '../../http/fault.ts'
import type { ImageDraft } from '../../images/draft.ts'
import { getOwn } from '../../validation/get-own.ts'
import { pythonStr } from '../../validation/python.ts'
import { checkAttributes, checkNotReserved, isAttribute, isReadOnly, withoutValue, withValue } from './attributes.ts'

const operations = ['add', 'remove', 'replace'] as const
type Operation = (typeof operations)[number]

export interface Change {
  op: Operation
  name: string
  /** Absent for `remove`. */
  value?: unknown
}

type RawChange = Readonly<Record<string, unknown>>

type Form = (raw: RawChange) => { op: Operation; pointer: unknown }

const isOperation = (op: unknown): op is Operation => (operations as readonly unknown[]).includes(op)
const available = operations.join(', ')

/** `{"op": "replace", "path": "/name", "value": "x"}` */
const standardForm: Form = ({ op, path }) => {
  if (op === undefined)
    throw newBadRequest(`Unable to find \`op\` in JSON Schema change. It must be one of the following: ${available}.`)
  if (!isOperation(op))
    throw newBadRequest(`Invalid operation: \`${pythonStr(op)}\`. It must be one of the following: ${available}.`)
  if (path === undefined) throw newBadRequest("Unable to find 'path' in JSON Schema change")
  return { op, pointer: path }
}

/** `{"replace": "/name", "value": "x"}` */
const oldForm: Form = (raw) => {
  const [op, other] = operations.filter((name) => raw[name] !== undefined)
  if (op === undefined)
    throw newBadRequest('Operation objects must contain exactly one member named "add", "remove", or "replace".')
  if (other !== undefined)
    throw newBadRequest('Operation objects must contain only one member named "add", "remove", or "replace".')
  return { op, pointer: raw[op] }
}

const forms: Readonly<Record<string, Form>> = {
  'application/openstack-images-v2.0-json-patch': oldForm,
  'application/openstack-images-v2.1-json-patch': standardForm,
}

/** Throws a 415 for another content type, and a 400 or 403 for the first change that is not allowed. */
export function parseChanges(contentType: string | undefined, body: unknown): Change[] {
  const form = getOwn(forms, contentType?.split(';')[0]?.trim() ?? '')
  const allowed = Object.keys(forms).join(', ')
  if (!form) throw new Fault(415, `Image PATCH expects Content-Type one of: ${allowed}`, { 'accept-patch': allowed })
  if (!Array.isArray(body)) throw newBadRequest('Request body must be a JSON array of operation objects.')
  return body.map((raw: unknown) => {
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
      throw newBadRequest('Operations must be JSON objects.')
    return parseChange(raw as RawChange, form)
  })
}

function parseChange(raw: RawChange, form: Form): Change {
  const { op, pointer } = form(raw)
  const name = nameIn(pointer)
  if (op !== 'remove' && !Object.hasOwn(raw, 'value'))
    throw newBadRequest(`Operation "${op}" requires a member named "value".`)
  if (isAttribute(name) && isReadOnly(name)) throw newForbidden(`Attribute '${name}' is read-only.`)
  checkNotReserved(name)
  if (op === 'remove') return { op, name }
  checkAttributes({ [name]: raw['value'] })
  return { op, name, value: raw['value'] }
}

/** Images have only one level of members, so a pointer has one part. */
function nameIn(pointer: unknown): string {
  if (typeof pointer !== 'string' || !pointer.startsWith('/'))
    throw newBadRequest(`Pointer \`${String(pointer)}\` does not start with "/".`)
  if (/\/\s*?\//.test(pointer.slice(1))) throw newBadRequest(`Pointer \`${pointer}\` contains adjacent "/".`)
  if (pointer.endsWith('/')) throw newBadRequest(`Pointer \`${pointer}\` end with "/".`)
  if (/~[^01]|~$/.test(pointer))
    throw newBadRequest(`Pointer \`${pointer}\` contains "~" not part of a recognized escape sequence.`)
  const parts = pointer.slice(1).split('/').map(unescapePart)
  const [name = '', ...rest] = parts
  if (rest.length > 0) throw newBadRequest(`Invalid JSON pointer for this resource: '/${parts.join('/')}'`)
  return name
}

const unescapePart = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~').trim()

/** Applies a change. Throws a 409 if it replaces or removes a property that the image does not have. */
export function applyChange(draft: ImageDraft, { op, name, value }: Change): ImageDraft {
  if (isAttribute(name)) {
    if (op === 'remove') throw newForbidden(`Property ${name} may not be removed.`)
    return withValue(draft, name, value)
  }
  if (op !== 'add' && !Object.hasOwn(draft.properties, name)) throw new Fault(409, `Property ${name} does not exist.`)
  return op === 'remove' ? withoutValue(draft, name) : withValue(draft, name, value)
}
