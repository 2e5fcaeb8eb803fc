/** The calls of libvirt that a server's life needs, each repeatable: what is already so is left so. */
import { setTimeout as delay } from 'node:timers/promises'
import { Terminal, Transient } from '../../crds/index.ts'
import { type DomainMark, NAMESPACE, parseMark } from '../domain/metadata.ts'
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

/** All domains of the host. */
export interface Domains {
  /** All of them, running or not. */
  list(): Promise<DomainRef[]>
  /** Whose it is. Undefined: nobody's of us, or it is gone. @throws Terminal InvalidXML where the mark cannot be read */
  mark(dom: DomainRef): Promise<DomainMark | undefined>
  /** Those with this server's mark. */
  of(uid: string): ServerDomains
}

/**
 * What is done to a server's domain. One of the same uuid without its mark is somebody's: to look at it, and to take it away, is to find none;
 * the rest throws UUIDInUse.
 */
export interface ServerDomains {
  /** Of a domain that is starting up: what becomes of it. @throws Transient LibvirtBusy when that takes long */
  observe(uuid: string): Promise<Observed>
  define(uuid: string, xml: string): Promise<void>
  start(uuid: string, signal: AbortSignal): Promise<void>
  /** Asks by ACPI and by the guest agent, whichever answers. */
  askToShutDown(uuid: string): Promise<void>
  destroy(uuid: string): Promise<void>
  pause(uuid: string): Promise<void>
  unpause(uuid: string): Promise<void>
  save(uuid: string, signal: AbortSignal): Promise<void>
  undefine(uuid: string): Promise<void>
}

/** @param call of the connection that is open now; throws ConnectionError while there is none */
export function createDomains(call: CallFunction): Domains {
  return {
    async list() {
      try {
        return (await call(proc.connectListAllDomains, { needResults: true, flags: 0 })).domains
      } catch (error) {
        throw fromLibvirt(error, 'list the domains')
      }
    },
    async mark(dom) {
      try {
        return await markOf(call, dom)
      } catch (error) {
        if (isLibvirtError(error, 'VIR_ERR_NO_DOMAIN')) return undefined
        throw fromLibvirt(error, 'read whose domain it is')
      }
    },
    of(uid) {
      const ask = asker(call, uid)
      const observe = observer(call, ask)
      return { observe, ...definitions(call, ask), ...power(call, ask, observe) }
    },
  }
}

/** Does something with a domain; undefined: libvirt knows no such domain. `other`: what of one that is not this server's. */
type Ask = <T>(
  doing: string,
  uuid: string,
  what: (dom: DomainRef, mark: DomainMark) => Promise<T>,
  other?: 'refuse' | 'skip',
) => Promise<T | undefined>

/** What is left of a server before it with this uuid goes by itself; what nobody of us made does not. */
function inUse({ name, uuid }: DomainRef, mark: DomainMark | undefined, doing: string): Transient | Terminal {
  const there = `${doing}: the host has a domain ${name} of uuid ${uuid}`
  if (mark) return new Transient('UUIDInUse', `${there}, of Server ${mark.namespace}/${mark.name} of uid ${mark.uid}`)
  return new Terminal('UUIDInUse', `${there} that no Server has made: leave spec.uuid out, or remove that domain`)
}

function asker(call: CallFunction, uid: string): Ask {
  return async (doing, uuid, what, other = 'refuse') => {
    try {
      const dom = await find(call, uuid)
      if (!dom) return undefined
      const mark = await markOf(call, dom)
      if (mark?.uid === uid) return await what(dom, mark)
      if (other === 'skip') return undefined
      throw inUse(dom, mark, doing)
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

function observer(call: CallFunction, ask: Ask): ServerDomains['observe'] {
  const seen = async (dom: DomainRef, { boot }: DomainMark): Promise<Observed> => {
    const [{ state, reason }, { result: saved }] = await Promise.all([
      call(proc.domainGetState, { dom, flags: 0 }),
      call(proc.domainHasManagedSaveImage, { dom, flags: 0 }),
    ])
    const bare = stateOf(state, reason, false)
    if (saved && bare.power === 'running') await dropSave(call, dom)
    const known = stateOf(state, reason, saved && bare.power === 'off' && (await isWholeSave(call, dom)))
    return { ...known, ...(isUp(known) && boot !== undefined ? { bootId: boot } : {}) }
  }
  const look = async (uuid: string): Promise<Observed> =>
    (await ask('look at the domain', uuid, seen, 'skip')) ?? { power: 'missing' }
  return async (uuid) => {
    const end = performance.now() + STARTING_UP_MS
    let now = await look(uuid)
    while (isStartingUp(now) && performance.now() < end) {
      await delay(LOOK_MS)
      now = await look(uuid)
    }
    if (isStartingUp(now)) throw new Transient('LibvirtBusy', 'libvirt is still starting the domain')
    return now
  }
}

function definitions(call: CallFunction, ask: Ask): Pick<ServerDomains, 'define' | 'undefine'> {
  return {
    async define(uuid, xml) {
      await ask('define the domain', uuid, async () => undefined)
      try {
        await call(proc.domainDefineXmlFlags, { xml, flags: DEFINE })
      } catch (error) {
        throw fromLibvirt(error, 'define the domain')
      }
    },
    async undefine(uuid) {
      const undefine = (dom: DomainRef) => call(proc.domainUndefineFlags, { dom, flags: UNDEFINE_ALL })
      await ask('undefine the domain', uuid, undefine, 'skip')
    },
  }
}

type Power = Pick<ServerDomains, 'start' | 'askToShutDown' | 'destroy' | 'pause' | 'unpause' | 'save'>

function power(call: CallFunction, ask: Ask, observe: ServerDomains['observe']): Power {
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
      const destroy = async (dom: DomainRef): Promise<void> => {
        // A QEMU that hangs on its storage is given time to die.
        const patience = { timeoutMs: DESTROY_MS }
        if (await isActive(dom)) await already(call(proc.domainDestroyFlags, { dom, flags: 0 }, patience))
        await dropSaved(dom)
      }
      await ask('power off the domain', uuid, destroy, 'skip')
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

/** Our mark in the domain's metadata: of the running domain, or of its definition when it is off. */
async function markOf(call: CallFunction, dom: DomainRef): Promise<DomainMark | undefined> {
  try {
    const { metadata } = await call(proc.domainGetMetadata, { dom, type: ELEMENT, uri: NAMESPACE, flags: CURRENT })
    return parseMark(metadata)
  } catch (error) {
    if (isLibvirtError(error, 'VIR_ERR_NO_DOMAIN_METADATA')) return undefined
    throw error
  }
}
