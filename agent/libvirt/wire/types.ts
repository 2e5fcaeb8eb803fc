// The types of the wire, with which protocol/ describes procedures. A type is plain data (a Shape) that carries its
// TypeScript types at compile time.

/** The plain data of a type, which the codec interprets. */
export type Shape =
  | { readonly kind: 'int' | 'uint' | 'flags' | 'hyper' | 'uhyper' | 'double' | 'bool' | 'uuid' }
  | { readonly kind: 'string' | 'opaque' | 'chars'; readonly max: number }
  | { readonly kind: 'charArray'; readonly length: number }
  | { readonly kind: 'optional'; readonly of: Shape }
  | { readonly kind: 'array'; readonly of: Shape; readonly max: number }
  | { readonly kind: 'struct'; readonly fields: readonly (readonly [name: string, shape: Shape])[] }
  | { readonly kind: 'union'; readonly cases: ReadonlyMap<number, readonly [type: string, shape: Shape]> }

declare const carried: unique symbol

/** A wire type: decodes to `Out`, encodes from `In`, which may leave out fields with a default. */
export interface Type<Out = unknown, In = Out> {
  readonly shape: Shape
  readonly [carried]?: (input: In) => Out
}

/** Any wire type. */
export type AnyType = Type<unknown, never>
/** The TypeScript type that decoding gives. */
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

/** Longest string of the protocol (REMOTE_STRING_MAX), in bytes. */
export const stringMax = 4_194_304

/** 32 bits, signed. Also libvirt's `short` and `char` outside arrays, as XDR gives each four bytes. */
export const int: Type<number> = { shape: { kind: 'int' } }
export const uint: Type<number> = { shape: { kind: 'uint' } }
/** A set of bits; 0 if left out. Also takes a negative number, which `a | b` gives if bit 31 is set. */
export const flags: Type<number, number | undefined> = { shape: { kind: 'flags' } }
/** 64 bits, signed. Decodes to a bigint, encodes a bigint or a number. */
export const hyper: Type<bigint, bigint | number> = { shape: { kind: 'hyper' } }
export const uhyper: Type<bigint, bigint | number> = { shape: { kind: 'uhyper' } }
export const double: Type<number> = { shape: { kind: 'double' } }
/** libvirt's booleans: an int, false if 0. */
export const bool: Type<boolean> = { shape: { kind: 'bool' } }
/** Sixteen bytes; as text with hyphens, in lower case. */
export const uuid: Type<string> = { shape: { kind: 'uuid' } }
export const string: Type<string> = { shape: { kind: 'string', max: stringMax } }

/** A count and bytes. Decoding copies the bytes. */
export function opaqueUpTo(max: number): Type<Buffer, Uint8Array> {
  return { shape: { kind: 'opaque', max } }
}

/** `char data<max>`: a count and bytes; each byte takes four on the wire, as rpcgen encodes `char`. */
export function charsUpTo(max: number): Type<Buffer, Uint8Array> {
  return { shape: { kind: 'chars', max } }
}

/** `char text[length]`: a text that ends at a zero; each byte takes four on the wire. */
export function charArrayOf(length: number): Type<string> {
  return { shape: { kind: 'charArray', length } }
}

/** A value or null; null if left out. */
export function optionalOf<Out, In>(of: Type<Out, In>): Type<Out | null, In | null | undefined> {
  return { shape: { kind: 'optional', of: of.shape } }
}

/** A count and that number of items. */
export function arrayOf<Out, In>(of: Type<Out, In>, max: number): Type<Out[], readonly In[]> {
  return { shape: { kind: 'array', of: of.shape, max } }
}

/** Fields one after the other, in the order of the object's keys. */
export function structOf<F extends Fields>(fields: F): Type<StructOutput<F>, StructInput<F>> {
  return { shape: { kind: 'struct', fields: Object.entries(fields).map(([name, type]) => [name, type.shape]) } }
}

type Cases = Record<string, readonly [discriminant: number, type: AnyType]>
type UnionOutput<C extends Cases> = { [K in keyof C & string]: { type: K; value: Output<C[K][1]> } }[keyof C & string]
type UnionInput<C extends Cases> = { [K in keyof C & string]: { type: K; value: Input<C[K][1]> } }[keyof C & string]

/** A number that tells which type follows, and the value; decodes to `{ type, value }`. */
export function unionOf<const C extends Cases>(cases: C): Type<UnionOutput<C>, UnionInput<C>> {
  return {
    shape: { kind: 'union', cases: new Map(Object.entries(cases).map(([name, [n, type]]) => [n, [name, type.shape]])) },
  }
}

/** No fields: the arguments or the result of many procedures. */
export const nothing = structOf({})
