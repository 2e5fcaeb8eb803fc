// Interprets the shapes of types.ts: one switch reads, one switch writes. Limits are checked before memory is taken.
import { EncodeError, ProtocolError } from '../errors.ts'
import { XdrReader } from './reader.ts'
import type { AnyType, Input, Output, Shape } from './types.ts'
import { XdrWriter } from './writer.ts'

/** Reads a value that fills `bytes` to the end. Throws ProtocolError. */
export function decode<T extends AnyType>(type: T, bytes: Buffer): Output<T> {
  const reader = new XdrReader(bytes)
  const value = read(type.shape, reader)
  reader.end('message')
  // The shape and the carried type were made together in types.ts; this is the one place that trusts it.
  return value as Output<T>
}

/** Writes a value. Throws EncodeError, naming the field, if it does not fit the type. */
export function encode<T extends AnyType>(type: T, value: Input<T>, writer = new XdrWriter()): XdrWriter {
  write(type.shape, value, writer)
  return writer
}

// oxlint-disable-next-line complexity -- one flat case per kind reads better than a table of closures
function read(shape: Shape, reader: XdrReader): unknown {
  switch (shape.kind) {
    case 'int':
      return reader.int()
    case 'uint':
    case 'flags':
      return reader.uint()
    case 'hyper':
      return reader.hyper()
    case 'uhyper':
      return reader.uhyper()
    case 'double':
      return reader.double()
    case 'bool':
      return reader.int() !== 0
    case 'uuid':
      return uuidText(reader.fixed(16))
    case 'string':
      return reader.string(shape.max)
    case 'opaque':
      return reader.opaque(shape.max)
    case 'chars':
      return readChars(reader, reader.count(shape.max, 'char array'))
    case 'charArray':
      return untilZero(readChars(reader, shape.length))
    case 'optional':
      return reader.flag() ? read(shape.of, reader) : null
    case 'array':
      return readArray(shape.of, shape.max, reader)
    case 'struct':
      return readStruct(shape.fields, reader)
    case 'union':
      return readUnion(shape.cases, reader)
  }
}

function readArray(of: Shape, max: number, reader: XdrReader): unknown[] {
  const count = reader.count(max, 'array')
  const items: unknown[] = []
  for (let i = 0; i < count; i += 1) items.push(read(of, reader))
  return items
}

function readStruct(fields: StructFields, reader: XdrReader): Record<string, unknown> {
  const value: Record<string, unknown> = {}
  for (const [name, shape] of fields) value[name] = read(shape, reader)
  return value
}

function readUnion(cases: UnionCases, reader: XdrReader): { type: string; value: unknown } {
  const discriminant = reader.int()
  const branch = cases.get(discriminant)
  if (!branch) throw new ProtocolError(`union of unknown case ${discriminant}`)
  return { type: branch[0], value: read(branch[1], reader) }
}

function readChars(reader: XdrReader, count: number): Buffer {
  if (count * 4 > reader.left) throw new ProtocolError(`${count} chars announced, ${reader.left} bytes left`)
  const bytes = Buffer.alloc(count)
  for (let i = 0; i < count; i += 1) bytes[i] = reader.int() & 0xff
  return bytes
}

function untilZero(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end === -1 ? bytes.length : end)
}

type StructFields = Extract<Shape, { kind: 'struct' }>['fields']
type UnionCases = Extract<Shape, { kind: 'union' }>['cases']

// oxlint-disable-next-line complexity -- as `read`
function write(shape: Shape, value: unknown, writer: XdrWriter): void {
  switch (shape.kind) {
    case 'int':
      return writer.int(numeric(value))
    case 'uint':
      return writer.uint(numeric(value))
    case 'flags':
      return writer.uint(bits(value))
    case 'hyper':
      return writer.hyper(wide(value))
    case 'uhyper':
      return writer.uhyper(wide(value))
    case 'double':
      return writer.double(numeric(value))
    case 'bool':
      return writer.int(value === true ? 1 : 0)
    case 'uuid':
      return writer.fixed(uuidBytes(value))
    case 'string':
      return writeString(value, shape.max, writer)
    case 'opaque':
      return writer.opaque(bytesOf(value, shape.max))
    case 'chars':
      return writeChars(bytesOf(value, shape.max), writer)
    case 'charArray':
      return writeCharArray(value, shape.length, writer)
    case 'optional':
      return writeOptional(shape.of, value, writer)
    case 'array':
      return writeArray(shape.of, shape.max, value, writer)
    case 'struct':
      return writeStruct(shape.fields, value, writer)
    case 'union':
      return writeUnion(shape.cases, value, writer)
  }
}

function writeString(value: unknown, max: number, writer: XdrWriter): void {
  if (typeof value !== 'string') throw new EncodeError(`${kindOf(value)} is not a string`)
  // libvirt's strings are C strings: what follows a zero would be lost on the other side.
  if (value.includes('\0')) throw new EncodeError('a string may not contain a zero character')
  const length = Buffer.byteLength(value)
  if (length > max) throw new EncodeError(`a string of ${length} bytes is over the limit of ${max}`)
  writer.string(value)
}

function writeChars(value: Uint8Array, writer: XdrWriter): void {
  writer.uint(value.length)
  // C's char is signed on the daemon's side of the wire.
  for (const byte of value) writer.int((byte << 24) >> 24)
}

function writeCharArray(value: unknown, length: number, writer: XdrWriter): void {
  const bytes = Buffer.alloc(length)
  if (typeof value !== 'string' || bytes.write(value) !== Buffer.byteLength(value)) {
    throw new EncodeError(`not a text of up to ${length} bytes`)
  }
  for (const byte of bytes) writer.int((byte << 24) >> 24)
}

function writeOptional(of: Shape, value: unknown, writer: XdrWriter): void {
  const there = value !== null && value !== undefined
  writer.uint(there ? 1 : 0)
  if (there) write(of, value, writer)
}

function writeArray(of: Shape, max: number, value: unknown, writer: XdrWriter): void {
  if (!Array.isArray(value)) throw new EncodeError(`${kindOf(value)} is not an array`)
  if (value.length > max) throw new EncodeError(`an array of ${value.length} is over the limit of ${max}`)
  writer.uint(value.length)
  value.forEach((item, i) => within(String(i), () => write(of, item, writer)))
}

function writeStruct(fields: StructFields, value: unknown, writer: XdrWriter): void {
  if (typeof value !== 'object' || value === null) throw new EncodeError(`${kindOf(value)} is not an object`)
  const record = value as Record<string, unknown>
  for (const [name, shape] of fields) within(name, () => write(shape, record[name], writer))
}

function writeUnion(cases: UnionCases, value: unknown, writer: XdrWriter): void {
  const { type, value: inner } = (value ?? {}) as { type?: unknown; value?: unknown }
  for (const [discriminant, [name, shape]] of cases) {
    if (name !== type) continue
    writer.int(discriminant)
    return write(shape, inner, writer)
  }
  throw new EncodeError(`${String(type)} is not one of ${[...cases.values()].map(([name]) => name).join(', ')}`)
}

function within(name: string, step: () => void): void {
  try {
    step()
  } catch (error) {
    if (!(error instanceof EncodeError)) throw error
    const { message } = error
    const separator = /^[\w.]+: /.test(message) ? '.' : ': '
    throw new EncodeError(`${name}${separator}${message}`, { cause: error.cause ?? error })
  }
}

function numeric(value: unknown): number {
  if (typeof value !== 'number') throw new EncodeError(`${kindOf(value)} is not a number`)
  return value
}

function bits(value: unknown): number {
  if (value === undefined) return 0
  const number = numeric(value)
  return number < 0 && Number.isInteger(number) && number >= -0x8000_0000 ? number >>> 0 : number
}

function wide(value: unknown): bigint | number {
  if (typeof value !== 'bigint' && typeof value !== 'number')
    throw new EncodeError(`${kindOf(value)} is not an integer`)
  return value
}

function bytesOf(value: unknown, max: number): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new EncodeError(`${kindOf(value)} is not a Uint8Array`)
  if (value.length > max) throw new EncodeError(`${value.length} bytes are over the limit of ${max}`)
  return value
}

const uuidPattern = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i

function uuidBytes(value: unknown): Buffer {
  if (typeof value !== 'string' || !uuidPattern.test(value)) throw new EncodeError(`${String(value)} is not a UUID`)
  return Buffer.from(value.replaceAll('-', ''), 'hex')
}

function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value
}
