// The layout of a message (virnetprotocol.x): a length word of 4 bytes, which counts itself, then six header words,
// then the payload.
import { ProtocolError } from '../errors.ts'
import { XdrReader } from './reader.ts'
import { XdrWriter } from './writer.ts'

/** The largest allowed number of bytes after the length word (VIR_NET_MESSAGE_MAX). */
export const messageMax = 33_554_432
/** Bytes of the length word and the header. */
export const headerLength = 28
/**
 * The largest payload of a stream message, in bytes, that old daemons accept (VIR_NET_MESSAGE_LEGACY_PAYLOAD_MAX:
 * 262144 bytes less the header).
 */
export const streamChunkMax = 262_144 - 24

export const program = { remote: 0x2000_8086, qemu: 0x2000_8087, keepAlive: 0x6b65_6570 } as const
/** Types of messages. Types 4 and 5 carry file descriptors, which this client does not use. */
export const messageType = { call: 0, reply: 1, message: 2, stream: 3 } as const
export const messageStatus = { ok: 0, error: 1, continue: 2 } as const

export interface Header {
  program: number
  version: number
  procedure: number
  /** One of `messageType`. */
  type: number
  serial: number
  /** One of `messageStatus`. */
  status: number
}

/** Returns the message's offset. The caller then appends the payload and calls `finishMessage`. */
export function beginMessage(writer: XdrWriter, header: Header): number {
  const start = writer.length
  writer.uint(0)
  writer.uint(header.program)
  writer.uint(header.version)
  writer.int(header.procedure)
  writer.int(header.type)
  writer.uint(header.serial)
  writer.int(header.status)
  return start
}

/** Fills in the length word of the message that begins at offset `start`. */
export function finishMessage(writer: XdrWriter, start: number): void {
  writer.patch(start, writer.length - start)
}

export function encodeHeader(header: Header, payloadLength: number): Buffer {
  const writer = new XdrWriter(headerLength)
  beginMessage(writer, header)
  writer.patch(0, headerLength + payloadLength)
  return writer.bytes()
}

export function encodeMessage(header: Header, payload: Uint8Array): Buffer {
  return Buffer.concat([encodeHeader(header, payload.length), payload])
}

export function patchSerial(writer: XdrWriter, start: number, serial: number): void {
  writer.patch(start + 20, serial)
}

/** A call is encoded first and gets its serial number only when it is sent. */
export function setSerial(message: Buffer, serial: number): void {
  message.writeUInt32BE(serial, 20)
}

/** Reads a message's header. The reader must be just after the length word. */
export function readHeader(reader: XdrReader): Header {
  return {
    program: reader.uint(),
    version: reader.uint(),
    procedure: reader.int(),
    type: reader.int(),
    serial: reader.uint(),
    status: reader.int(),
  }
}

/** Throws ProtocolError if the header has a type, status or version that a daemon must not send. */
export function checkHeader({ type, status, version }: Header): void {
  if (type < messageType.reply || type > messageType.stream) {
    throw new ProtocolError(`a daemon does not send messages of type ${type}`)
  }
  if (status < 0 || status > messageStatus.continue) throw new ProtocolError(`message with status ${status}`)
  if (version !== 1) throw new ProtocolError(`program version ${version}, not 1`)
}

export interface Message {
  header: Header
  payload: Buffer
}

export function splitMessage(bytes: Buffer): Message {
  const header = readHeader(new XdrReader(bytes.subarray(4)))
  return { header, payload: bytes.subarray(headerLength) }
}
