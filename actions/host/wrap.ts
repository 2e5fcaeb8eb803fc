/**
 * Wraps every method of a host in a function of the test, so that the test can hold or fail each call, or kill the
 * process there.
 */
import type { Guest } from './guest.ts'
import { type Capability, type Host, hostMethods } from './index.ts'

/** A method call on a host capability, before it is made. */
export interface HostCall {
  /** The capability and the method: `disks.create`. */
  readonly name: string
  readonly kind: 'effect' | 'read'
  readonly guest: Guest
}

/** Runs around each call of the host: it calls `act` and returns its result, or it throws, so that the call fails. */
export type Around = <T>(call: HostCall, act: () => Promise<T>) => Promise<T>

type Method = (guest: Guest, ...rest: unknown[]) => Promise<unknown>

/**
 * Returns a copy of `host` whose capability methods all run inside `around`. Other members of `host` stay as they are.
 */
export function wrapHost<H extends Host>(host: H, around: Around): H {
  const wrapped = Object.entries(hostMethods).map(([capability, methods]) => {
    const own = host[capability as Capability] as unknown as Readonly<Record<string, Method>>
    return [capability, wrapMethods(capability, own, methods, around)] as const
  })
  return { ...host, ...Object.fromEntries(wrapped) }
}

function wrapMethods(
  capability: string,
  own: Readonly<Record<string, Method>>,
  methods: Readonly<Record<string, HostCall['kind']>>,
  around: Around,
): Record<string, Method> {
  const wrapped = Object.entries(methods).map(([method, kind]) => {
    const call = own[method] as Method
    const wrapper: Method = (guest, ...rest) =>
      around({ name: `${capability}.${method}`, kind, guest }, () => call(guest, ...rest))
    return [method, wrapper] as const
  })
  return Object.fromEntries(wrapped)
}
