// Compiles each Shape (a type as plain data, see types.ts) into a function that reads its values and one that writes
// them. Reading checks each length against its limit before it allocates memory.
import { EncodeError, ProtocolError } from '../errors.ts'
import { XdrReader } from './reader.ts'
import type { AnyType, Input, Output, Shape } from './types.ts'
import { XdrWriter } from './writer.ts'

type Read = (reader: XdrReader) => unknown
type Write = (writer: XdrWriter, value: unknown) => void

const readers = new WeakMap<Shape, Read>()
const writers = new WeakMap<Shape, Write>()

/** Throws ProtocolError if the bytes are not exactly one value of the type. */
export function decode<T extends AnyType>(type: T, source: Buffer | XdrReader): Output<T> {
  const reader = source instanceof XdrReader ? source : new XdrReader(source)
  const value = readerOf(type.shape)(reader)
  reader.end('message')
  // The cast is safe: types.ts makes each Shape together with its TypeScript type.
  return value as Output<T>
}

/** Throws EncodeError, which names the field, if the value does not fit the type. */
export function encode<T extends AnyType>(type: T, value: Input<T>, writer = new XdrWriter()): XdrWriter {
  writerOf(type.shape)(writer, value)
  return writer
}

function readerOf(shape: Shape): Read {
  const cached = readers.get(shape)
  if (cached) return cached
  const compiled = compileReader(shape)
  readers.set(shape, compiled)
  return compiled
}

function writerOf(shape: Shape): Write {
  const cached = writers.get(shape)
  if (cached) return cached
  const compiled = compileWriter(shape)
  writers.set(shape, compiled)
  return compiled
}

// oxlint-disable-next-line complexity -- a flat switch reads better than a table of functions
function compileReader(shape: Shape): Read {
  switch (shape.kind) {
    case 'int':
      return (reader) => reader.int()
    case 'uint':
    case 'flags':
      return (reader) => reader.uint()
    case 'hyper':
      return (reader) => reader.hyper()
    case 'uhyper':
      return (reader) => reader.uhyper()
    case 'double':
      return (reader) => reader.double()
    case 'bool':
      return (reader) => reader.int() !== 0
    case 'uuid':
      return (reader) => uuidFromHex(reader.hex(16))
    case 'string':
      return (reader) => reader.string(shape.max)
    case 'opaque':
      return (reader) => reader.opaque(shape.max)
    case 'chars':
      return (reader) => readChars(reader, reader.count(shape.max, 'char array'))
    case 'charArray':
      return (reader) => textUntilZero(readChars(reader, shape.length))
    case 'optional':
      return optionalReader(readerOf(shape.of))
    case 'array':
      return arrayReader(readerOf(shape.of), shape.max)
    case 'struct':
      return structReader(shape.fields)
    case 'union':
      return unionReader(shape.cases)
  }
}

function optionalReader(of: Read): Read {
  return (reader) => (reader.flag() ? of(reader) : null)
}

function arrayReader(of: Read, max: number): Read {
  return (reader) => {
    const count = reader.count(max, 'array')
    const items: unknown[] = []
    for (let i = 0; i < count; i += 1) items.push(of(reader))
    return items
  }
}

function structReader(fields: StructFields): Read {
  const steps = fields.map(([name, shape]) => ({ name, read: readerOf(shape) }))
  return (reader) => {
    const value: Record<string, unknown> = {}
    for (const { name, read } of steps) value[name] = read(reader)
    return value
  }
}

function unionReader(cases: UnionCases): Read {
  const branches = new Map([...cases].map(([number, [type, shape]]) => [number, { type, read: readerOf(shape) }]))
  return (reader) => {
    const discriminant = reader.int()
    const branch = branches.get(discriminant)
    if (!branch) throw new ProtocolError(`union of unknown case ${discriminant}`)
    return { type: branch.type, value: branch.read(reader) }
  }
}

function readChars(reader: XdrReader, count: number): Buffer {
  if (count * 4 > reader.left) throw new ProtocolError(`${count} chars announced, ${reader.left} bytes left`)
  const bytes = Buffer.alloc(count)
  for (let i = 0; i < count; i += 1) bytes[i] = reader.int() & 0xff
  return bytes
}

function textUntilZero(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end === -1 ? bytes.length : end)
}

type StructFields = Extract<Shape, { kind: 'struct' }>['fields']
type UnionCases = Extract<Shape, { kind: 'union' }>['cases']

// oxlint-disable-next-line complexity -- a flat switch, like `compileReader`
function compileWriter(shape: Shape): Write {
  switch (shape.kind) {
    case 'int':
      return (writer, value) => writer.int(toNumber(value))
    case 'uint':
      return (writer, value) => writer.uint(toNumber(value))
    case 'flags':
      return (writer, value) => writer.uint(toBits(value))
    case 'hyper':
      return (writer, value) => writer.hyper(toWideInteger(value))
    case 'uhyper':
      return (writer, value) => writer.uhyper(toWideInteger(value))
    case 'double':
      return (writer, value) => writer.double(toNumber(value))
    case 'bool':
      return (writer, value) => writer.int(value === true ? 1 : 0)
    case 'uuid':
      return (writer, value) => writer.hex(hexFromUuid(value))
    case 'string':
      return stringWriter(shape.max)
    case 'opaque':
      return (writer, value) => writer.opaque(requireBytes(value, shape.max))
    case 'chars':
      return charsWriter(shape.max)
    case 'charArray':
      return charArrayWriter(shape.length)
    case 'optional':
      return optionalWriter(writerOf(shape.of))
    case 'array':
      return arrayWriter(writerOf(shape.of), shape.max)
    case 'struct':
      return structWriter(shape.fields)
    case 'union':
      return unionWriter(shape.cases)
  }
}

function stringWriter(max: number): Write {
  return (writer, value) => {
    if (typeof value !== 'string') throw new EncodeError(`${kindOf(value)} is not a string`)
    // The daemon reads a C string, so it would ignore everything after a zero character.
    if (value.includes('\0')) throw new EncodeError('a string may not contain a zero character')
    const length = Buffer.byteLength(value)
    if (length > max) throw new EncodeError(`a string of ${length} bytes is over the limit of ${max}`)
    writer.string(value, length)
  }
}

function charsWriter(max: number): Write {
  return (writer, value) => {
    const bytes = requireBytes(value, max)
    writer.uint(bytes.length)
    for (const byte of bytes) writer.int(toSignedByte(byte))
  }
}

function charArrayWriter(length: number): Write {
  return (writer, value) => {
    const bytes = Buffer.alloc(length)
    if (typeof value !== 'string' || bytes.write(value) !== Buffer.byteLength(value)) {
      throw new EncodeError(`not a text of up to ${length} bytes`)
    }
    for (const byte of bytes) writer.int(toSignedByte(byte))
  }
}

/** Converts a byte to C's signed `char`, which is a signed 32 bit integer on the wire. */
function toSignedByte(byte: number): number {
  return (byte << 24) >> 24
}

function optionalWriter(of: Write): Write {
  return (writer, value) => {
    const isPresent = value !== null && value !== undefined
    writer.uint(isPresent ? 1 : 0)
    if (isPresent) of(writer, value)
  }
}

function arrayWriter(of: Write, max: number): Write {
  return (writer, value) => {
    if (!Array.isArray(value)) throw new EncodeError(`${kindOf(value)} is not an array`)
    if (value.length > max) throw new EncodeError(`an array of ${value.length} is over the limit of ${max}`)
    writer.uint(value.length)
    let at = 0
    try {
      for (; at < value.length; at += 1) of(writer, value[at])
    } catch (error) {
      throw prefixFieldName(String(at), error)
    }
  }
}

function structWriter(fields: StructFields): Write {
  const steps = fields.map(([name, shape]) => ({ name, write: writerOf(shape) }))
  return (writer, value) => {
    if (typeof value !== 'object' || value === null) throw new EncodeError(`${kindOf(value)} is not an object`)
    const record = value as Record<string, unknown>
    let at = ''
    try {
      for (const { name, write } of steps) {
        at = name
        write(writer, record[name])
      }
    } catch (error) {
      throw prefixFieldName(at, error)
    }
  }
}

function unionWriter(cases: UnionCases): Write {
  const branches = new Map([...cases].map(([number, [type, shape]]) => [type, { number, write: writerOf(shape) }]))
  return (writer, value) => {
    const { type, value: inner } = (value ?? {}) as { type?: unknown; value?: unknown }
    const branch = branches.get(String(type))
    if (!branch) throw new EncodeError(`${String(type)} is not one of ${[...branches.keys()].join(', ')}`)
    writer.int(branch.number)
    branch.write(writer, inner)
  }
}

function prefixFieldName(name: string, error: unknown): unknown {
  if (!(error instanceof EncodeError)) return error
  const { message } = error
  const separator = /^[\w.]+: /.test(message) ? '.' : ': '
  return new EncodeError(`${name}${separator}${message}`, { cause: error.cause ?? error })
}

function toNumber(value: unknown): number {
  if (typeof value !== 'number') throw new EncodeError(`${kindOf(value)} is not a number`)
  return value
}

function toBits(value: unknown): number {
  if (value === undefined) return 0
  const number = toNumber(value)
  return number < 0 && Number.isInteger(number) && number >= -0x8000_0000 ? number >>> 0 : number
}

function toWideInteger(value: unknown): bigint | number {
  if (typeof value !== 'bigint' && typeof value !== 'number')
    throw new EncodeError(`${kindOf(value)} is not an integer`)
  return value
}

function requireBytes(value: unknown, max: number): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new EncodeError(`${kindOf(value)} is not a Uint8Array`)
  if (value.length > max) throw new EncodeError(`${value.length} bytes are over the limit of ${max}`)
  return value
}

const uuidPattern = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i

function hexFromUuid(value: unknown): string {
  if (typeof value !== 'string' || !uuidPattern.test(value)) throw new EncodeError(`${String(value)} is not a UUID`)
  return value.replaceAll('-', '')
}

function uuidFromHex(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value
}
