/**
 * Runs a test's function around every call of a host's methods, to delay the call, make it fail, or simulate a crash of
 * the agent.
 */
import type { Guest } from './guest.ts'
import { type Capability, type Host, hostMethods } from './index.ts'

export interface HostCall {
  /** The capability and the method: `disks.create`. */
  readonly name: string
  readonly kind: 'effect' | 'read'
  readonly guest: Guest
}

/** Must call `act`, which makes the call, and return what `act` returns. If the function throws, the call fails. */
export type Around = <T>(call: HostCall, act: () => Promise<T>) => Promise<T>

type Method = (guest: Guest, ...rest: unknown[]) => Promise<unknown>

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
