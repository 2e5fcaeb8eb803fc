/** The calls of libvirt that a server's life needs, each repeatable: what is already so is left so. */
import { setTimeout as delay } from 'node:timers/promises'
import { Transient } from '../../crds/index.ts'
import { NAMESPACE } from '../domain/metadata.ts'
import { parseMark } from '../domain/parse.ts'
import { type CallFunction, type DomainRef, isLibvirtError, proc } from '../libvirt/index.ts'
import type { Observed } from '../server/observed.ts'
import { fromLibvirt } from './errors.ts'
import { stateOf } from './states.ts'

/** VIR_DOMAIN_UNDEFINE_{MANAGED_SAVE,SNAPSHOTS_METADATA,NVRAM,CHECKPOINTS_METADATA}; TPM (32) needs libvirt 8.9. */
const UNDEFINE_ALL = 1 | 2 | 4 | 16
/** VIR_DOMAIN_DEFINE_VALIDATE is not set: libvirt's schema lags behind its parser. */
const DEFINE = 0
/** VIR_DOMAIN_METADATA_ELEMENT */
const ELEMENT = 2
/** VIR_DOMAIN_AFFECT_CURRENT */
const CURRENT = 0
/** VIR_DOMAIN_SAVE_RUNNING: it runs when it is restored, also if it was paused. */
const SAVE_RUNNING = 2
const DESTROY_MS = 120_000
/** How long, and how often, a domain that is starting up is looked at until it has started, or has not. */
const STARTING_UP_MS = 10_000
const LOOK_MS = 50

export interface Domains {
  /** Undefined: libvirt knows no such domain. */
  find(uuid: string): Promise<DomainRef | undefined>
  /** Of a domain that is starting up: what becomes of it. @throws Transient LibvirtBusy when that takes long */
  observe(uuid: string): Promise<Observed>
  define(xml: string): Promise<void>
  start(uuid: string, signal: AbortSignal): Promise<void>
  /** Asks by ACPI and by the guest agent, whichever answers. */
  askToShutDown(uuid: string): Promise<void>
  destroy(uuid: string): Promise<void>
  pause(uuid: string): Promise<void>
  unpause(uuid: string): Promise<void>
  save(uuid: string, signal: AbortSignal): Promise<void>
  undefine(uuid: string): Promise<void>
  /** UUIDs of all domains, running or not. */
  list(): Promise<DomainRef[]>
  xml(uuid: string): Promise<string | undefined>
}

/** @param call of the connection that is open now; throws ConnectionError while there is none */
export function createDomains(call: CallFunction): Domains {
  const ask = asker(call)
  const seen = looks(call, ask)
  return { ...definitions(call, ask), ...power(call, ask, seen.observe), ...seen }
}

/** Does something with a domain; undefined: libvirt knows no such domain. */
type Ask = <T>(doing: string, uuid: string, what: (dom: DomainRef) => Promise<T>) => Promise<T | undefined>

function asker(call: CallFunction): Ask {
  return async (doing, uuid, what) => {
    try {
      const dom = await find(call, uuid)
      return dom && (await what(dom))
    } catch (error) {
      if (isLibvirtError(error, 'VIR_ERR_NO_DOMAIN')) return undefined
      throw fromLibvirt(error, doing)
    }
  }
}

/** For what may not be done twice: that it is so already is well. */
async function already(promise: Promise<unknown>): Promise<void> {
  try {
    await promise
  } catch (error) {
    if (!isLibvirtError(error, 'VIR_ERR_OPERATION_INVALID')) throw error
  }
}

/** The same, where the answer does not tell whether it is so already. */
async function alreadyIf(isSo: () => Promise<boolean>, promise: Promise<unknown>): Promise<true> {
  try {
    await promise
  } catch (error) {
    if (!isLibvirtError(error, 'VIR_ERR_OPERATION_INVALID') || !(await isSo())) throw error
  }
  return true
}

/** It has a QEMU. */
const isUp = ({ power }: Observed): boolean => power === 'running' || power === 'paused' || power === 'pmsuspended'

/**
 * Not a state to draw conclusions from: libvirt starts the domain, or was itself killed amid that, is back, and ends within some 200 ms
 * what is left of it (qemuProcessReconnect; there is no event of that).
 */
const isStartingUp = ({ power, reason }: Observed): boolean => power === 'paused' && reason === 'starting up'

function looks(call: CallFunction, ask: Ask): Pick<Domains, 'find' | 'observe' | 'list' | 'xml'> {
  const look = async (uuid: string): Promise<Observed> => {
    const seen = await ask('look at the domain', uuid, async (dom) => {
      const [{ state, reason }, { result: saved }, boot] = await Promise.all([
        call(proc.domainGetState, { dom, flags: 0 }),
        call(proc.domainHasManagedSaveImage, { dom, flags: 0 }),
        bootOf(call, dom),
      ])
      const bare = stateOf(state, reason, false)
      if (saved && bare.power === 'running') await dropSave(call, dom)
      const known = stateOf(state, reason, saved && bare.power === 'off' && (await isWholeSave(call, dom)))
      return { ...known, ...(isUp(known) && boot !== undefined ? { boot } : {}) }
    })
    return seen ?? { power: 'missing' }
  }
  return {
    find: (uuid) => ask('look up the domain', uuid, async (dom) => dom),
    async observe(uuid) {
      const end = performance.now() + STARTING_UP_MS
      let seen = await look(uuid)
      while (isStartingUp(seen) && performance.now() < end) {
        await delay(LOOK_MS)
        seen = await look(uuid)
      }
      if (isStartingUp(seen)) throw new Transient('LibvirtBusy', 'libvirt is still starting the domain')
      return seen
    },
    async list() {
      try {
        return (await call(proc.connectListAllDomains, { needResults: true, flags: 0 })).domains
      } catch (error) {
        throw fromLibvirt(error, 'list the domains')
      }
    },
    xml: (uuid) =>
      ask('read the domain', uuid, async (dom) => (await call(proc.domainGetXmlDesc, { dom, flags: 0 })).xml),
  }
}

function definitions(call: CallFunction, ask: Ask): Pick<Domains, 'define' | 'undefine'> {
  return {
    async define(xml) {
      try {
        await call(proc.domainDefineXmlFlags, { xml, flags: DEFINE })
      } catch (error) {
        throw fromLibvirt(error, 'define the domain')
      }
    },
    async undefine(uuid) {
      await ask('undefine the domain', uuid, (dom) => call(proc.domainUndefineFlags, { dom, flags: UNDEFINE_ALL }))
    },
  }
}

type Power = Pick<Domains, 'start' | 'askToShutDown' | 'destroy' | 'pause' | 'unpause' | 'save'>

function power(call: CallFunction, ask: Ask, observe: Domains['observe']): Power {
  const isActive = async (dom: DomainRef): Promise<boolean> => (await call(proc.domainIsActive, { dom })).active
  const isSaved = async (dom: DomainRef): Promise<boolean> =>
    (await call(proc.domainHasManagedSaveImage, { dom, flags: 0 })).result
  const dropSaved = async (dom: DomainRef): Promise<void> => {
    if (await isSaved(dom)) await dropSave(call, dom)
  }
  /** As `ask`, for what must be done to a domain. */
  const there = async (doing: string, uuid: string, what: (dom: DomainRef) => Promise<true>): Promise<void> => {
    if (!(await ask(doing, uuid, what))) throw new Transient('LibvirtError', `${doing}: libvirt knows no such domain`)
  }
  return {
    async start(uuid, signal) {
      if (isUp(await observe(uuid))) return
      await there('start the domain', uuid, (dom) =>
        alreadyIf(() => isActive(dom), call(proc.domainCreateWithFlags, { dom, flags: 0 }, { signal })),
      )
    },
    async askToShutDown(uuid) {
      await ask('ask the guest to power off', uuid, async (dom) => {
        await dropSaved(dom)
        await already(call(proc.domainShutdownFlags, { dom, flags: 0 }))
      })
    },
    async destroy(uuid) {
      await ask('power off the domain', uuid, async (dom) => {
        // A QEMU that hangs on its storage is given time to die.
        const patience = { timeoutMs: DESTROY_MS }
        if (await isActive(dom)) await already(call(proc.domainDestroyFlags, { dom, flags: 0 }, patience))
        await dropSaved(dom)
      })
    },
    async pause(uuid) {
      // Of a domain that has gone off meanwhile it is no pause: what comes next depends on how it is now.
      await there('pause the domain', uuid, (dom) => alreadyIf(() => isActive(dom), call(proc.domainSuspend, { dom })))
    },
    async unpause(uuid) {
      await ask('unpause the domain', uuid, (dom) => already(call(proc.domainResume, { dom })))
    },
    async save(uuid, signal) {
      const how = { signal, timeoutMs: Infinity }
      await there('save the domain', uuid, (dom) =>
        alreadyIf(() => isWholeSave(call, dom), call(proc.domainManagedSave, { dom, flags: SAVE_RUNNING }, how)),
      )
    },
  }
}

/**
 * Memory that was saved, of a domain that runs: of before, for libvirt was killed as it went on from it, or amid the saving. Restored after the
 * next crash it would be older than the disk.
 */
async function dropSave(call: CallFunction, dom: DomainRef): Promise<void> {
  await already(call(proc.domainManagedSaveRemove, { dom, flags: 0 }))
}

/** Half a file is what is left where the host lost its power amid the saving; libvirt looks no further than that there is one. */
async function isWholeSave(call: CallFunction, dom: DomainRef): Promise<boolean> {
  try {
    await call(proc.domainManagedSaveGetXmlDesc, { dom, flags: 0 })
    return true
  } catch (error) {
    if (isLibvirtError(error)) return false
    throw error
  }
}

async function find(call: CallFunction, uuid: string): Promise<DomainRef | undefined> {
  try {
    return (await call(proc.domainLookupByUuid, { uuid })).dom
  } catch (error) {
    if (isLibvirtError(error, 'VIR_ERR_NO_DOMAIN')) return undefined
    throw error
  }
}

/** The mark of the boot in the domain's metadata: of the running domain, or of its definition when it is off. */
async function bootOf(call: CallFunction, dom: DomainRef): Promise<string | undefined> {
  try {
    const { metadata } = await call(proc.domainGetMetadata, { dom, type: ELEMENT, uri: NAMESPACE, flags: CURRENT })
    return parseMark(metadata)?.boot
  } catch (error) {
    if (isLibvirtError(error, 'VIR_ERR_NO_DOMAIN_METADATA')) return undefined
    throw error
  }
}
