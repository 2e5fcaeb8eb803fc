/** A type as plain data, which the codec compiles into functions. */
export type Shape =
  | { readonly kind: 'int' | 'uint' | 'flags' | 'hyper' | 'uhyper' | 'double' | 'bool' | 'uuid' }
  | { readonly kind: 'string' | 'opaque' | 'chars'; readonly max: number }
  | { readonly kind: 'charArray'; readonly length: number }
  | { readonly kind: 'optional'; readonly of: Shape }
  | { readonly kind: 'array'; readonly of: Shape; readonly max: number }
  | { readonly kind: 'struct'; readonly fields: readonly (readonly [name: string, shape: Shape])[] }
  | { readonly kind: 'union'; readonly cases: ReadonlyMap<number, readonly [type: string, shape: Shape]> }

declare const carried: unique symbol

/** A type of the protocol. Decoding returns `Out`. Encoding takes `In`, where fields with a default are optional. */
export interface Type<Out = unknown, In = Out> {
  readonly shape: Shape
  readonly [carried]?: (input: In) => Out
}

export type AnyType = Type<unknown, never>
/** The TypeScript type that decoding returns. */
export type Output<T extends AnyType> = T extends { readonly [carried]?: (input: never) => infer Out } ? Out : never
/** The TypeScript type that encoding takes. */
export type Input<T extends AnyType> = T extends { readonly [carried]?: (input: infer In) => unknown } ? In : never

type Fields = Record<string, AnyType>
type OptionalKeys<F extends Fields> = { [K in keyof F]: undefined extends Input<F[K]> ? K : never }[keyof F]
type Flat<T> = { [K in keyof T]: T[K] }
type StructInput<F extends Fields> = Flat<
  { [K in Exclude<keyof F, OptionalKeys<F>>]: Input<F[K]> } & { [K in OptionalKeys<F>]?: Input<F[K]> }
>
type StructOutput<F extends Fields> = Flat<{ [K in keyof F]: Output<F[K]> }>

/** The most bytes of a string (REMOTE_STRING_MAX). */
export const stringMax = 4_194_304

/**
 * 32 bits, signed. Also used for libvirt's `short` and `char`, which take four bytes in XDR, too. Arrays of `char`: see
 * charsUpTo and charArrayOf.
 */
export const int: Type<number> = { shape: { kind: 'int' } }
export const uint: Type<number> = { shape: { kind: 'uint' } }
/**
 * A set of bits; default 0. Encoding also takes negative numbers, because JavaScript's `a | b` is negative if bit 31 is
 * set.
 */
export const flags: Type<number, number | undefined> = { shape: { kind: 'flags' } }
/** 64 bits, signed. */
export const hyper: Type<bigint, bigint | number> = { shape: { kind: 'hyper' } }
export const uhyper: Type<bigint, bigint | number> = { shape: { kind: 'uhyper' } }
export const double: Type<number> = { shape: { kind: 'double' } }
/** libvirt's boolean, an int. 0 means false; any other number means true. */
export const bool: Type<boolean> = { shape: { kind: 'bool' } }
/** A UUID: sixteen bytes on the wire, in code a lower-case text with hyphens. */
export const uuid: Type<string> = { shape: { kind: 'uuid' } }
export const string: Type<string> = { shape: { kind: 'string', max: stringMax } }

/** A byte count of up to `max`, then the bytes. Decoding copies them. */
export function opaqueUpTo(max: number): Type<Buffer, Uint8Array> {
  return { shape: { kind: 'opaque', max } }
}

/**
 * C's `char data<max>`: a byte count, then the bytes. Each byte takes four bytes on the wire, because rpcgen encodes a
 * `char` as a 32 bit integer.
 */
export function charsUpTo(max: number): Type<Buffer, Uint8Array> {
  return { shape: { kind: 'chars', max } }
}

/** C's `char text[length]`: a text that ends at the first zero. Each byte takes four bytes on the wire. */
export function charArrayOf(length: number): Type<string> {
  return { shape: { kind: 'charArray', length } }
}

/**
 * A value of the given type, or null. In a struct, a field of this type may be left out when encoding; it is then sent
 * as null.
 */
export function optionalOf<Out, In>(of: Type<Out, In>): Type<Out | null, In | null | undefined> {
  return { shape: { kind: 'optional', of: of.shape } }
}

/** A list: the number of items, then the items. */
export function arrayOf<Out, In>(of: Type<Out, In>, max: number): Type<Out[], readonly In[]> {
  return { shape: { kind: 'array', of: of.shape, max } }
}

/** A struct: the fields in the order of the object's keys. */
export function structOf<F extends Fields>(fields: F): Type<StructOutput<F>, StructInput<F>> {
  return { shape: { kind: 'struct', fields: Object.entries(fields).map(([name, type]) => [name, type.shape]) } }
}

type Cases = Record<string, readonly [discriminant: number, type: AnyType]>
type UnionOutput<C extends Cases> = { [K in keyof C & string]: { type: K; value: Output<C[K][1]> } }[keyof C & string]
type UnionInput<C extends Cases> = { [K in keyof C & string]: { type: K; value: Input<C[K][1]> } }[keyof C & string]

/** A union: a number that identifies the value's type, then the value. Decoding returns `{ type, value }`. */
export function unionOf<const C extends Cases>(cases: C): Type<UnionOutput<C>, UnionInput<C>> {
  return {
    shape: { kind: 'union', cases: new Map(Object.entries(cases).map(([name, [n, type]]) => [n, [name, type.shape]])) },
  }
}

/** For procedures without arguments or without a result. */
export const nothing = structOf({})
