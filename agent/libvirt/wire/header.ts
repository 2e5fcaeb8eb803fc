// One message on the wire: length (4 bytes, itself included), six header words, payload (virnetprotocol.x).
import { ProtocolError } from '../errors.ts'
import { XdrReader } from './reader.ts'
import { XdrWriter } from './writer.ts'

/** VIR_NET_MESSAGE_MAX, bytes after the length word. */
export const messageMax = 33_554_432
/** Length word and header. */
export const headerLength = 28
/** Most payload that one message of a stream carries, so that old daemons take it (LEGACY_PAYLOAD_MAX less the header). */
export const streamChunkMax = 262_144 - 24

export const program = { remote: 0x2000_8086, qemu: 0x2000_8087, keepAlive: 0x6b65_6570 } as const
/** What a message is. Messages with file descriptors (4, 5) are never asked for. */
export const messageType = { call: 0, reply: 1, message: 2, stream: 3 } as const
export const messageStatus = { ok: 0, error: 1, continue: 2 } as const

export interface Header {
  program: number
  version: number
  procedure: number
  /** messageType */
  type: number
  serial: number
  /** messageStatus */
  status: number
}

/** Appends a message's length and header to what is written; its payload is to follow, then `finishMessage`. Gives its start. */
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

/** Writes the length of the message that began at `start`. */
export function finishMessage(writer: XdrWriter, start: number): void {
  writer.patch(start, writer.length - start)
}

/** Length and header of a message whose payload has so many bytes. */
export function encodeHeader(header: Header, payloadLength: number): Buffer {
  const writer = new XdrWriter(headerLength)
  beginMessage(writer, header)
  writer.patch(0, headerLength + payloadLength)
  return writer.bytes()
}

/** The bytes of a whole message. */
export function encodeMessage(header: Header, payload: Uint8Array): Buffer {
  return Buffer.concat([encodeHeader(header, payload.length), payload])
}

/** As `setSerial`, for a message that began at `start` of what is written. */
export function patchSerial(writer: XdrWriter, start: number, serial: number): void {
  writer.patch(start + 20, serial)
}

/** A call gets its serial only when it is sent. */
export function setSerial(message: Buffer, serial: number): void {
  message.writeUInt32BE(serial, 20)
}

/** Reads the header of a message, from after its length word; the payload is what then is left. */
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

/** Throws ProtocolError for what no daemon sends: a type, status or version that cannot be. */
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

/** Splits a whole message, length word included, whoever sent it. */
export function splitMessage(bytes: Buffer): Message {
  const header = readHeader(new XdrReader(bytes.subarray(4)))
  return { header, payload: bytes.subarray(headerLength) }
}
