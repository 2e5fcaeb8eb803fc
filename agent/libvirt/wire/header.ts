// One message on the wire: length (4 bytes, itself included), six header words, payload (virnetprotocol.x).
import { ProtocolError } from '../errors.ts'

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

/** The bytes of a whole message. */
export function encodeMessage(header: Header, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(headerLength + payload.length)
  bytes.writeUInt32BE(bytes.length, 0)
  bytes.writeUInt32BE(header.program, 4)
  bytes.writeUInt32BE(header.version, 8)
  bytes.writeInt32BE(header.procedure, 12)
  bytes.writeInt32BE(header.type, 16)
  bytes.writeUInt32BE(header.serial, 20)
  bytes.writeInt32BE(header.status, 24)
  bytes.set(payload, headerLength)
  return bytes
}

/** A call gets its serial only when it is sent. */
export function setSerial(message: Buffer, serial: number): void {
  message.writeUInt32BE(serial, 20)
}

export interface Message {
  header: Header
  payload: Buffer
}

/** Splits a whole message, length word included, whoever sent it. */
export function splitMessage(bytes: Buffer): Message {
  const header = {
    program: bytes.readUInt32BE(4),
    version: bytes.readUInt32BE(8),
    procedure: bytes.readInt32BE(12),
    type: bytes.readInt32BE(16),
    serial: bytes.readUInt32BE(20),
    status: bytes.readInt32BE(24),
  }
  return { header, payload: bytes.subarray(headerLength) }
}

/** Splits a whole message of a daemon. Throws ProtocolError for a type or status that cannot be. */
export function decodeMessage(bytes: Buffer): Message {
  const message = splitMessage(bytes)
  const { header } = message
  if (header.type < messageType.reply || header.type > messageType.stream) {
    throw new ProtocolError(`a daemon does not send messages of type ${header.type}`)
  }
  if (header.status < 0 || header.status > messageStatus.continue) {
    throw new ProtocolError(`message with status ${header.status}`)
  }
  if (header.version !== 1) throw new ProtocolError(`program version ${header.version}, not 1`)
  return message
}
