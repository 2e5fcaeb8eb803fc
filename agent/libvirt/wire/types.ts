// The vocabulary in which protocol/ describes types: plain data (a Shape) that carries its TypeScript types at compile time.

/** What the codec interprets. */
export type Shape =
  | { readonly kind: 'int' | 'uint' | 'flags' | 'hyper' | 'uhyper' | 'double' | 'bool' | 'uuid' }
  | { readonly kind: 'string' | 'opaque' | 'chars'; readonly max: number }
  | { readonly kind: 'charArray'; readonly length: number }
  | { readonly kind: 'optional'; readonly of: Shape }
  | { readonly kind: 'array'; readonly of: Shape; readonly max: number }
  | { readonly kind: 'struct'; readonly fields: readonly (readonly [name: string, shape: Shape])[] }
  | { readonly kind: 'union'; readonly cases: ReadonlyMap<number, readonly [type: string, shape: Shape]> }

declare const carried: unique symbol

/** A wire type: decodes to `Out`, encodes from `In` (which may leave out what has a default). */
export interface Type<Out = unknown, In = Out> {
  readonly shape: Shape
  readonly [carried]?: (input: In) => Out
}

/** Any wire type. */
export type AnyType = Type<unknown, never>
/** What decoding gives. */
export type Output<T extends AnyType> = T extends { readonly [carried]?: (input: never) => infer Out } ? Out : never
/** What encoding takes. */
export type Input<T extends AnyType> = T extends { readonly [carried]?: (input: infer In) => unknown } ? In : never

type Fields = Record<string, AnyType>
type OptionalKeys<F extends Fields> = { [K in keyof F]: undefined extends Input<F[K]> ? K : never }[keyof F]
type Flat<T> = { [K in keyof T]: T[K] }
type StructInput<F extends Fields> = Flat<
  { [K in Exclude<keyof F, OptionalKeys<F>>]: Input<F[K]> } & { [K in OptionalKeys<F>]?: Input<F[K]> }
>
type StructOutput<F extends Fields> = Flat<{ [K in keyof F]: Output<F[K]> }>

/** Longest string of the protocol (REMOTE_STRING_MAX), in bytes. */
export const stringMax = 4_194_304

/** 32 bits, signed. Also libvirt's `short` and `char` outside of arrays: XDR gives each four bytes. */
export const int: Type<number> = { shape: { kind: 'int' } }
export const uint: Type<number> = { shape: { kind: 'uint' } }
/** A set of bits; 0 if left out. Takes what `a | b` gives even where bit 31 makes that negative. */
export const flags: Type<number, number | undefined> = { shape: { kind: 'flags' } }
/** 64 bits, signed: a bigint when read; a number will do to write. */
export const hyper: Type<bigint, bigint | number> = { shape: { kind: 'hyper' } }
export const uhyper: Type<bigint, bigint | number> = { shape: { kind: 'uhyper' } }
export const double: Type<number> = { shape: { kind: 'double' } }
/** libvirt's truth values: an int, false if 0. */
export const bool: Type<boolean> = { shape: { kind: 'bool' } }
/** Sixteen bytes, as the usual text with hyphens, in lower case. */
export const uuid: Type<string> = { shape: { kind: 'uuid' } }
export const string: Type<string> = { shape: { kind: 'string', max: stringMax } }

/** Counted bytes. Decoded they are a copy. */
export function opaque(max: number): Type<Buffer, Uint8Array> {
  return { shape: { kind: 'opaque', max } }
}

/** `char data<max>`: counted bytes of which each takes four on the wire, as rpcgen's `char` does. */
export function chars(max: number): Type<Buffer, Uint8Array> {
  return { shape: { kind: 'chars', max } }
}

/** `char text[length]`: a text ended by a zero, each char in four bytes. */
export function charArray(length: number): Type<string> {
  return { shape: { kind: 'charArray', length } }
}

/** A value or null; null if left out. */
export function optional<Out, In>(of: Type<Out, In>): Type<Out | null, In | null | undefined> {
  return { shape: { kind: 'optional', of: of.shape } }
}

/** A counted list. */
export function array<Out, In>(of: Type<Out, In>, max: number): Type<Out[], readonly In[]> {
  return { shape: { kind: 'array', of: of.shape, max } }
}

/** Fields one after the other, in the order in which they are written here. */
export function struct<F extends Fields>(fields: F): Type<StructOutput<F>, StructInput<F>> {
  return { shape: { kind: 'struct', fields: Object.entries(fields).map(([name, type]) => [name, type.shape]) } }
}

type Cases = Record<string, readonly [discriminant: number, type: AnyType]>
type UnionOutput<C extends Cases> = { [K in keyof C & string]: { type: K; value: Output<C[K][1]> } }[keyof C & string]
type UnionInput<C extends Cases> = { [K in keyof C & string]: { type: K; value: Input<C[K][1]> } }[keyof C & string]

/** A number that says which type follows; read as `{ type, value }`. */
export function union<const C extends Cases>(cases: C): Type<UnionOutput<C>, UnionInput<C>> {
  return {
    shape: { kind: 'union', cases: new Map(Object.entries(cases).map(([name, [n, type]]) => [n, [name, type.shape]])) },
  }
}

/** Nothing at all: the arguments or the result of many calls. */
export const nothing = struct({})
