import { program } from '../wire/header.ts'
import { type AnyType, nothing } from '../wire/types.ts'

/** The direction of a procedure's stream: `download` from the daemon, `upload` to the daemon, `duplex` both ways. */
export type StreamDirection = 'download' | 'upload' | 'duplex'

export interface ProcedureOptions {
  /**
   * True if the call can take minutes. Such a call has no default deadline. Slow calls leave one of the connection's
   * slots for unanswered calls free (if there is more than one), so that a job can still be aborted.
   */
  slow?: boolean
}

export const slowCall = { slow: true } as const satisfies ProcedureOptions

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

/** Describes a procedure of REMOTE_PROGRAM, libvirt's main RPC program. */
export function remoteProcedure<A extends AnyType, R extends AnyType>(
  number: number,
  args: A,
  result: R,
  { slow = false }: ProcedureOptions = {},
): Unnamed<A, R, undefined> {
  return { program: program.remote, number, args, result, stream: undefined, slow }
}

/** Describes a procedure of REMOTE_PROGRAM that opens a stream. Its reply has no fields; the stream's data follows. */
export function remoteStreamProcedure<A extends AnyType>(
  number: number,
  args: A,
  stream: StreamDirection,
): Unnamed<A, typeof nothing, StreamDirection> {
  return { program: program.remote, number, args, result: nothing, stream, slow: false }
}

/** Describes a procedure of QEMU_PROGRAM, libvirt's RPC program for calls that only QEMU has. */
export function qemuProcedure<A extends AnyType, R extends AnyType>(
  number: number,
  args: A,
  result: R,
  options: ProcedureOptions = {},
): Unnamed<A, R, undefined> {
  return { ...remoteProcedure(number, args, result, options), program: program.qemu }
}
