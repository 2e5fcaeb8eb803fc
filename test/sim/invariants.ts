/** The invariants must hold at every moment. They are checked after each API write and after each change on a host. */
import { type Hypervisor, ownerOfManager, type Server, type ServerAction } from '../../crds/index.ts'
import type { Write } from '../fakes/api.ts'
import { hasActiveDomain } from '../fakes/host/machine.ts'
import type { Cloud } from './cloud.ts'
import { hasRoomFor } from './expectations.ts'
import type { SimulatedHost } from './host.ts'
import { findForeignChanges } from './ownership.ts'

const endedPhases: ReadonlySet<string> = new Set(['Succeeded', 'Failed', 'Rejected'])
/** Highest number of violations that are kept. Most later violations only follow from the first ones. */
const MAX_VIOLATIONS = 5

export class Invariants {
  readonly violations: string[] = []
  /** Writes by controllers and agents, except writes of Leases and Events and updates of Hypervisors. */
  writes = 0
  /** Not in `writes`: the controller writes the usage of hosts at intervals, even when nothing changes any more. */
  hypervisorWrites = 0
  /** Keys (namespace/name) of action records. */
  readonly recordsDeletedByUsers = new Set<string>()
  readonly #cloud: () => Cloud
  readonly #maxWrites: number
  /** UIDs of the ServerActions that users created. */
  readonly #requests = new Set<string>()
  /** Hosts that an operator has forced down at some time. */
  readonly #forcedDown = new Set<string>()

  constructor(cloud: () => Cloud, mostWrites: number) {
    this.#cloud = cloud
    this.#maxWrites = mostWrites
  }

  addViolation(violation: string): void {
    if (this.violations.length < MAX_VIOLATIONS && !this.violations.includes(violation)) this.violations.push(violation)
  }

  onWrite(write: Write): void {
    const { plural, manager, after, key } = write
    for (const change of findForeignChanges(write)) this.addViolation(change)
    if (plural === 'servers') this.#checkServer(write)
    if (plural === 'hypervisors' && (after?.['spec'] as Hypervisor['spec'] | undefined)?.forcedDown)
      this.#forcedDown.add(key)
    if (plural === 'serveractions') this.#checkRecord(write)
    if (manager !== 'user' && manager !== 'test') this.#countWrite(write)
  }

  onHostChange(host: SimulatedHost): void {
    for (const uid of host.machines.uids()) {
      const machine = host.machines.machine(uid)
      const name = machine.owner?.name ?? uid
      if (hasActiveDomain(machine)) this.#checkRunningGuest(host, uid, name)
      this.#checkBoots(machine.boots, name, host.unexpectedStops.get(uid) ?? 0)
    }
  }

  #countWrite({ plural, before, after }: Write): void {
    if (plural === 'hypervisors' && before && after) {
      this.hypervisorWrites += 1
      return
    }
    if (plural === 'leases' || plural === 'events') return
    this.writes += 1
    if (this.writes > this.#maxWrites) this.addViolation('too many writes')
  }

  /**
   * An action request may boot its server once, and again after each unexpected stop of the domain.
   * @param accidents number of unexpected stops
   */
  #checkBoots(bootIds: readonly string[], name: string, accidents: number): void {
    for (const id of new Set(bootIds)) {
      const count = bootIds.filter((other) => other === id).length
      if (this.#requests.has(id) && count > 1 + accidents)
        this.addViolation(`${name} was booted ${count} times by request ${id}`)
    }
  }

  #checkRunningGuest(host: SimulatedHost, uid: string, name: string): void {
    const others = this.#cloud().hosts.filter((other) => other !== host && hasActiveDomain(other.machines.machine(uid)))
    if (others.length > 0)
      this.addViolation(`${name} runs on ${host.name} and on ${others.map((other) => other.name).join(', ')}`)
    const server = this.#servers().find(({ metadata }) => metadata.uid === uid)
    if (server && server.status?.host !== host.name)
      this.addViolation(`${name} runs on ${host.name}, but its status.host is ${server.status?.host}`)
  }

  #checkServer({ manager, before, after, key }: Write): void {
    const [old, now] = [before, after] as unknown as (Server | undefined)[]
    if (old && !now) this.#checkDeleted(old)
    if (!old || !now) return
    if (manager !== 'user' && JSON.stringify(old.spec) !== JSON.stringify(now.spec))
      this.addViolation(`${manager} changed the spec of ${key}`)
    if (old.status?.host !== now.status?.host) this.#checkHostChange(old, now, manager)
    this.#checkActiveAction(old, now, key)
    this.#checkMode(old, now, key)
  }

  #checkHostChange(old: Server, now: Server, manager: string): void {
    const [from, to] = [old.status?.host, now.status?.host]
    if (ownerOfManager(manager) !== 'scheduler')
      this.addViolation(`${manager} moved ${now.metadata.name} from ${from} to ${to}`)
    const source = this.#cloud().host(from ?? '')
    if (source && !source.machines.isEmpty(old.metadata.uid ?? ''))
      this.addViolation(`${old.metadata.name} was moved from ${from}, where it has orphans`)
    if (to !== undefined) this.#checkCapacity(to)
    this.#checkAddresses(now)
  }

  /**
   * An active action ends when the agent has completed it, or when the controller sets its ServerAction to Failed
   * because no host can run it.
   */
  #checkActiveAction({ status: old = {} }: Server, { status: now = {} }: Server, key: string): void {
    const { activeAction } = old
    const allowed = [old.lastCompletedAction, now.lastCompletedAction, now.activeAction?.uid]
    if (activeAction === undefined || allowed.includes(activeAction.uid)) return
    const records = this.#cloud().api.peek<ServerAction>('serveractions')
    if (records.find(({ metadata }) => metadata.uid === activeAction.uid)?.status?.phase === 'Failed') return
    const next = now.activeAction?.name ?? 'none'
    this.addViolation(`the active action ${activeAction.name} of ${key} was replaced by ${next} before its end`)
  }

  /** Only an action may change the mode, so it may change only together with status.lastCompletedAction. */
  #checkMode({ status: old = {} }: Server, { status: now = {} }: Server, key: string): void {
    if (old.mode !== now.mode && old.lastCompletedAction === now.lastCompletedAction)
      this.addViolation(`the mode of ${key} became ${now.mode} without the completion of an action`)
  }

  /**
   * A server may disappear only when nothing of it is left on its host, unless a user forced the deletion or the host
   * is down.
   */
  #checkDeleted({ metadata, status }: Server): void {
    const host = this.#cloud().host(status?.host ?? '')
    if (!host || host.machines.isEmpty(metadata.uid ?? '')) return
    const isForced = Object.keys(metadata.annotations ?? {}).length > 0
    const isDown = this.#cloud().slot(host.name)?.isHostOff === true || this.#forcedDown.has(host.name)
    if (!isForced && !isDown) this.addViolation(`${metadata.name} was deleted, but has orphans on ${host.name}`)
  }

  #checkCapacity(name: string): void {
    const host = this.#cloud().host(name)
    const servers = this.#servers().filter(({ status }) => status?.host === name)
    if (host && !hasRoomFor(servers, host.capacity)) this.addViolation(`${name} has more servers than it has room for`)
  }

  /**
   * Two Ports without a server may have the same address for a short time, while two controllers believe that they
   * lead. So goals/ports.ts checks the addresses of Ports only at the end of the run.
   */
  #checkAddresses(server: Server): void {
    if (server.status?.host === undefined) return
    for (const { metadata, status } of this.#servers()) {
      if (metadata.uid === server.metadata.uid || status?.host === undefined) continue
      for (const { network, address } of status.addresses ?? [])
        if (server.status.addresses?.some((other) => other.network === network && other.address === address))
          this.addViolation(`${address} of ${network} is allocated to ${metadata.name} and to ${server.metadata.name}`)
    }
  }

  #checkRecord({ before, after, manager, key }: Write): void {
    const [old, now] = [before, after] as unknown as (ServerAction | undefined)[]
    if (manager === 'user') this.#noteRequest(key, now)
    const phase = old?.status?.phase ?? ''
    if (now && endedPhases.has(phase) && phase !== now.status?.phase)
      this.addViolation(`action record ${key} had ended as ${phase} and is ${now.status?.phase}`)
  }

  /** @param now the written ServerAction; undefined if the user deleted it */
  #noteRequest(key: string, now: ServerAction | undefined): void {
    if (now) this.#requests.add(now.metadata.uid ?? '')
    else this.recordsDeletedByUsers.add(key)
  }

  #servers(): Server[] {
    return this.#cloud().api.peek<Server>('servers')
  }
}
