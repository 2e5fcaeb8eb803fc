// What a table entry of protocol/ is: numbers and types of one remote procedure, from which its call is typed and encoded.
import { program } from '../wire/header.ts'
import type { AnyType } from '../wire/types.ts'

/** How a procedure's stream flows: `download` from the daemon, `upload` to it, `duplex` both ways. */
export type StreamDirection = 'download' | 'upload' | 'duplex'

export interface ProcedureOptions {
  /**
   * May last for minutes: has no default deadline, and never takes the last slot of a connection, so that what shall
   * stop it (abort job, destroy) is not queued behind it.
   */
  slow?: boolean
}

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

/** A procedure of the main program, REMOTE_PROGRAM. */
export function remote<A extends AnyType, R extends AnyType>(
  number: number,
  args: A,
  result: R,
  { slow = false }: ProcedureOptions = {},
): Unnamed<A, R, undefined> {
  return { program: program.remote, number, args, result, stream: undefined, slow }
}

/** A procedure of the main program whose reply is followed by a stream. */
export function remoteStream<A extends AnyType, R extends AnyType>(
  number: number,
  args: A,
  result: R,
  stream: StreamDirection,
): Unnamed<A, R, StreamDirection> {
  return { program: program.remote, number, args, result, stream, slow: false }
}

/** A procedure of QEMU_PROGRAM. */
export function qemu<A extends AnyType, R extends AnyType>(
  number: number,
  args: A,
  result: R,
  options: ProcedureOptions = {},
): Unnamed<A, R, undefined> {
  return { ...remote(number, args, result, options), program: program.qemu }
}

type Named<T> = { readonly [K in keyof T]: T[K] & { readonly name: K } }

/** Gives each entry of a table the name under which it stands there. */
export function named<const T extends Record<string, Unnamed<AnyType, AnyType, StreamDirection | undefined>>>(
  table: T,
): Named<T> {
  const entries = Object.entries(table).map(([name, entry]) => [name, { ...entry, name }])
  // fromEntries forgets the keys' types; they are the table's own.
  return Object.fromEntries(entries) as Named<T>
}
