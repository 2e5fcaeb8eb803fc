// The entries of the tables in protocol/: number and types of a remote procedure. The client types and encodes a call
// by them.
import { program } from '../wire/header.ts'
import { type AnyType, nothing } from '../wire/types.ts'

/** How a procedure's stream flows: `download` from the daemon, `upload` to it, `duplex` both ways. */
export type StreamDirection = 'download' | 'upload' | 'duplex'

export interface ProcedureOptions {
  /**
   * The call may last for minutes. It has no default deadline, and it never takes the last slot of a connection, so
   * that a call that stops it (abort job, destroy) does not wait behind it.
   */
  slow?: boolean
}

/** The options of a call that may last for minutes. */
export const slowCall = { slow: true } as const satisfies ProcedureOptions

/** One remote procedure. */
export interface Procedure<
  A extends AnyType = AnyType,
  R extends AnyType = AnyType,
  S extends StreamDirection | undefined = StreamDirection | undefined,
> {
  readonly name: string
  readonly program: number
  readonly number: number
  readonly args: A
  readonly result: R
  readonly stream: S
  readonly slow: boolean
}

type Unnamed<A extends AnyType, R extends AnyType, S extends StreamDirection | undefined> = Omit<
  Procedure<A, R, S>,
  'name'
>

/** Describes a procedure of the main program, REMOTE_PROGRAM. */
export function remoteProcedure<A extends AnyType, R extends AnyType>(
  number: number,
  args: A,
  result: R,
  { slow = false }: ProcedureOptions = {},
): Unnamed<A, R, undefined> {
  return { program: program.remote, number, args, result, stream: undefined, slow }
}

/** Describes a procedure of the main program whose reply is empty and followed by a stream. */
export function remoteStreamProcedure<A extends AnyType>(
  number: number,
  args: A,
  stream: StreamDirection,
): Unnamed<A, typeof nothing, StreamDirection> {
  return { program: program.remote, number, args, result: nothing, stream, slow: false }
}

/** Describes a procedure of QEMU_PROGRAM. */
export function qemuProcedure<A extends AnyType, R extends AnyType>(
  number: number,
  args: A,
  result: R,
  options: ProcedureOptions = {},
): Unnamed<A, R, undefined> {
  return { ...remoteProcedure(number, args, result, options), program: program.qemu }
}
