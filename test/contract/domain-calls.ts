import type { Guest } from '../../actions/host/index.ts'
import { isKubenovaError } from '../../crds/index.ts'
import { type ContractHost, ctx, type GuestOptions, prepareAndDefine, waitUntilDone } from './contract-host.ts'

export type Call = (host: ContractHost, guest: Guest) => Promise<unknown>

export const domainCalls = {
  define: ({ host }, guest) => host.domains.define(guest, 'b2', ctx),
  start: ({ host }, guest) => waitUntilDone(() => host.domains.start(guest, ctx), 'the domain to start'),
  requestShutdown: ({ host }, guest) => host.domains.requestShutdown(guest, ctx),
  destroy: ({ host }, guest) => host.domains.destroy(guest, ctx),
  pause: ({ host }, guest) => host.domains.pause(guest, ctx),
  unpause: ({ host }, guest) => host.domains.unpause(guest, ctx),
  save: ({ host }, guest) => waitUntilDone(() => host.domains.save(guest, ctx), 'the memory to be saved'),
  injectNmi: ({ host }, guest) => host.domains.injectNmi(guest, 'r1', ctx),
  undefine: ({ host }, guest) => host.domains.undefine(guest, ctx),
} satisfies Record<string, Call>
export type CallName = keyof typeof domainCalls

/**
 * Functions that bring a domain into each state in which an action may find it. The guest ignores the power button, so
 * a domain stays on until a call cuts its power.
 */
export const domainStates = {
  missing: async () => undefined,
  off: async (host, guest) => host.host.domains.define(guest, 'b1', ctx),
  running: async (host, guest) => defineAndStart(host, guest),
  paused: async (host, guest) => {
    await defineAndStart(host, guest)
    await host.host.domains.pause(guest, ctx)
  },
  saved: async (host, guest) => {
    await defineAndStart(host, guest)
    await domainCalls.save(host, guest)
  },
  /** After `undefine` a running domain is transient: it disappears when it stops. */
  transient: async (host, guest) => {
    await defineAndStart(host, guest)
    await host.host.domains.undefine(guest, ctx)
  },
} satisfies Record<string, Call>
export type StateName = keyof typeof domainStates

async function defineAndStart(host: ContractHost, guest: Guest): Promise<void> {
  await host.host.domains.define(guest, 'b1', ctx)
  await domainCalls.start(host, guest)
}

export async function newPreparedGuest(host: ContractHost, options: GuestOptions = {}): Promise<Guest> {
  const guest = host.newGuest(options)
  await prepareAndDefine(host, guest, 'b0')
  await host.host.domains.undefine(guest, ctx)
  return guest
}

export async function newRunningGuest(host: ContractHost, options: GuestOptions = {}): Promise<Guest> {
  const guest = host.newGuest(options)
  await prepareAndDefine(host, guest, 'b1')
  await domainCalls.start(host, guest)
  return guest
}

export const libvirtError = 'Transient LibvirtError'

/** Returns the domain's power after the call, or the kind and code of the error. */
export async function outcomeOf(host: ContractHost, guest: Guest, call: Call): Promise<string> {
  try {
    await call(host, guest)
  } catch (error) {
    if (!isKubenovaError(error)) throw error
    return `${error.kind} ${error.code}`
  }
  return (await host.host.domains.observe(guest)).power
}
