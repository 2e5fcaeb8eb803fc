// A fake daemon for cases that a real daemon cannot be made to produce. It answers the calls that open and close a
// connection, and passes all other messages to the test.
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WireError } from '../errors.ts'
import { wireError } from '../protocol/common.ts'
import { proc } from '../protocol/proc.ts'
import type { Procedure } from '../protocol/procedure.ts'
import { decode, encode } from '../wire/codec.ts'
import { FrameSplitter } from '../wire/frames.ts'
import {
  encodeMessage,
  type Header,
  type Message,
  messageStatus,
  messageType,
  program,
  splitMessage,
} from '../wire/header.ts'
import type { AnyType, Input, Output } from '../wire/types.ts'

export class FakePeer {
  readonly socket: Socket

  constructor(socket: Socket) {
    this.socket = socket
  }

  send(header: Partial<Header>, payload: Uint8Array = Buffer.alloc(0)): void {
    const { remote } = program
    const whole = {
      program: remote,
      version: 1,
      procedure: 0,
      type: messageType.reply,
      serial: 0,
      status: 0,
      ...header,
    }
    this.socket.write(encodeMessage(whole, payload))
  }

  reply<R extends AnyType>({ header }: Message, procedure: Procedure<AnyType, R>, value: Input<R>): void {
    this.send({ ...header, type: messageType.reply }, encode(procedure.result, value).bytes())
  }

  refuse({ header }: Message, error: Partial<WireError>): void {
    const none = { message: null, dom: null, str1: null, str2: null, str3: null, net: null }
    const whole = { code: 1, domain: 10, level: 2, int1: -1, int2: -1, ...none, ...error }
    const type = header.type === messageType.call ? messageType.reply : header.type
    this.send({ ...header, type, status: messageStatus.error }, encode(wireError, whole).bytes())
  }

  event<T extends AnyType>(event: { number: number; message: T }, value: Input<T>): void {
    this.send({ procedure: event.number, type: messageType.message }, encode(event.message, value).bytes())
  }
}

export type OnMessage = (peer: FakePeer, message: Message) => void

export class FakeDaemon implements AsyncDisposable {
  readonly path: string
  readonly uri: string
  /** The open connections of clients. */
  readonly peers = new Set<FakePeer>()
  /** If set, the daemon closes a connection when a client calls this procedure on it. */
  hangUpAt: Procedure | undefined
  readonly #directory = mkdtempSync(join(tmpdir(), 'fake-daemon-'))
  readonly #onMessage: OnMessage
  #server: Server | undefined

  constructor(onMessage: OnMessage) {
    this.#onMessage = onMessage
    this.path = join(this.#directory, 'sock')
    this.uri = `qemu+unix:///system?socket=${this.path}`
  }

  async listen(): Promise<void> {
    const server = createServer((socket) => this.#accept(socket))
    this.#server = server
    await new Promise<void>((resolve) => server.listen(this.path, resolve))
  }

  async stop(): Promise<void> {
    for (const { socket } of this.peers) socket.destroy()
    const server = this.#server
    this.#server = undefined
    if (server) await new Promise((resolve) => server.close(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    rmSync(this.#directory, { recursive: true })
  }

  #accept(socket: Socket): void {
    const peer = new FakePeer(socket)
    const frames = new FrameSplitter()
    this.peers.add(peer)
    socket.on('close', () => this.peers.delete(peer)).on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      frames.push(chunk, chunk.length, (bytes, start, end) => {
        this.#receive(peer, splitMessage(Buffer.from(bytes.subarray(start, end))))
      })
    })
  }

  #receive(peer: FakePeer, message: Message): void {
    const { program: number, procedure, type } = message.header
    const isOpeningCall = number === program.remote && type === messageType.call
    if (this.hangUpAt && isCall(message, this.hangUpAt)) peer.socket.destroy()
    else if (isOpeningCall && procedure === proc.authList.number) peer.reply(message, proc.authList, { types: [0] })
    else if (isOpeningCall && procedure === proc.connectSupportsFeature.number)
      peer.reply(message, proc.connectSupportsFeature, { supported: true })
    else if (isOpeningCall && procedure === proc.connectOpen.number) peer.reply(message, proc.connectOpen, {})
    else if (isOpeningCall && procedure === proc.connectClose.number) peer.reply(message, proc.connectClose, {})
    else this.#onMessage(peer, message)
  }
}

export async function startFakeDaemon(onMessage: OnMessage = () => {}): Promise<FakeDaemon> {
  const daemon = new FakeDaemon(onMessage)
  await daemon.listen()
  return daemon
}

export function isCall({ header }: Message, procedure: Procedure): boolean {
  const { program, procedure: number, type } = header
  return type === messageType.call && program === procedure.program && number === procedure.number
}

export function argsOf<A extends AnyType>(message: Message, procedure: Procedure<A>): Output<A> {
  return decode(procedure.args, message.payload)
}
