/** The calls of the capability Domains, and domains in each state that an action may find them in. */
import type { Guest } from '../../actions/host/index.ts'
import { isKubenovaError } from '../../crds/index.ts'
import { type ContractHost, ctx, finish, type GuestOptions, prepareAndDefine } from './contract-host.ts'

export type Call = (host: ContractHost, guest: Guest) => Promise<unknown>

export const calls = {
  define: ({ host }, guest) => host.domains.define(guest, 'b2', ctx),
  start: ({ host }, guest) => host.domains.start(guest, ctx),
  requestShutdown: ({ host }, guest) => host.domains.requestShutdown(guest, ctx),
  destroy: ({ host }, guest) => host.domains.destroy(guest, ctx),
  pause: ({ host }, guest) => host.domains.pause(guest, ctx),
  unpause: ({ host }, guest) => host.domains.unpause(guest, ctx),
  save: ({ host }, guest) => finish(() => host.domains.save(guest, ctx), 'the memory to be saved'),
  injectNmi: ({ host }, guest) => host.domains.injectNmi(guest, 'r1', ctx),
  undefine: ({ host }, guest) => host.domains.undefine(guest, ctx),
} satisfies Record<string, Call>
export type CallName = keyof typeof calls

/** The guest's domain in each state that an action may find it in; its guest ignores the power button. */
export const states = {
  missing: async () => undefined,
  off: async (host, guest) => host.host.domains.define(guest, 'b1', ctx),
  running: async (host, guest) => start(host, guest),
  paused: async (host, guest) => {
    await start(host, guest)
    await host.host.domains.pause(guest, ctx)
  },
  saved: async (host, guest) => {
    await start(host, guest)
    await calls.save(host, guest)
  },
  /** Undefined while it runs. */
  transient: async (host, guest) => {
    await start(host, guest)
    await host.host.domains.undefine(guest, ctx)
  },
} satisfies Record<string, Call>
export type StateName = keyof typeof states

async function start({ host }: ContractHost, guest: Guest): Promise<void> {
  await host.domains.define(guest, 'b1', ctx)
  await host.domains.start(guest, ctx)
}

export async function prepared(host: ContractHost, options: GuestOptions = {}): Promise<Guest> {
  const guest = host.newGuest(options)
  await prepareAndDefine(host, guest, 'b0')
  await host.host.domains.undefine(guest, ctx)
  return guest
}

export async function started(host: ContractHost, options: GuestOptions = {}): Promise<Guest> {
  const guest = host.newGuest(options)
  await prepareAndDefine(host, guest, 'b1')
  await host.host.domains.start(guest, ctx)
  return guest
}

export const refused = 'Transient LibvirtError'

/** The power after the call, or the error. */
export async function outcomeOf(host: ContractHost, guest: Guest, call: Call): Promise<string> {
  try {
    await call(host, guest)
  } catch (error) {
    if (!isKubenovaError(error)) throw error
    return `${error.kind} ${error.code}`
  }
  return (await host.host.domains.observe(guest)).power
}
