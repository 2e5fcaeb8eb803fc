/** Puts a function around every method of a host, for gates and simulated failures in tests. */
import type { Guest } from './guest.ts'
import { type Capability, type Host, hostMethods } from './index.ts'

/** A call of a method of a capability, before it is made. */
export interface HostCall {
  /** `capability.method`, such as `disks.create`. */
  readonly name: string
  readonly kind: 'effect' | 'read'
  readonly guest: Guest
}

/** Must answer what `act` answers. */
export type Around = <T>(call: HostCall, act: () => Promise<T>) => Promise<T>

type Method = (guest: Guest, ...rest: unknown[]) => Promise<unknown>

/** A copy of `host` whose methods all run inside `around`. Members that are no capabilities stay as they are. */
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
