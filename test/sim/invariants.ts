/** What must hold at every instant, looked at after each write of the API server and each effect on a host. */

import { demandOf } from '../../controller/scheduler/request.ts'
import { type Hypervisor, ownerOfManager, type Server, type ServerAction } from '../../crds/index.ts'
import type { Write } from '../fakes/api.ts'
import type { Cloud } from './cloud.ts'
import { isOn, type SimulatedHost } from './host.ts'
import { foreignChanges } from './ownership.ts'

/** Phases of a record that has ended. */
const ends: ReadonlySet<string> = new Set(['Succeeded', 'Failed', 'Rejected'])

export class Invariants {
  /** What was broken, in words. */
  readonly broken: string[] = []
  /** Writes to servers, ports and records, by who made them. */
  writes = 0
  /** Writes to Hypervisors: what is used of them is written now and then. */
  figures = 0
  readonly writers = new Map<string, number>()
  readonly #cloud: () => Cloud
  readonly #most: number
  /** Records that users deleted. */
  readonly forgotten = new Set<string>()
  readonly #deeds = new Set<string>()
  /** Hosts that an operator has ever said to be down. */
  readonly #wasForced = new Set<string>()

  /** @param most writes that so many requests and faults may cost */
  constructor(cloud: () => Cloud, most: number) {
    this.#cloud = cloud
    this.#most = most
  }

  say(what: string): void {
    if (this.broken.length < 5 && !this.broken.includes(what)) this.broken.push(what)
  }

  onWrite(write: Write): void {
    const { plural, manager, after } = write
    for (const what of foreignChanges(write)) this.say(what)
    if (plural === 'servers') this.#server(write)
    if (plural === 'hypervisors' && (after?.['spec'] as Hypervisor['spec'] | undefined)?.forcedDown)
      this.#wasForced.add(write.key)
    if (plural === 'serveractions') this.#record(write)
    if (manager !== 'user' && manager !== 'test') this.#count(write)
  }

  #count({ plural, manager, before, after }: Write): void {
    if (plural === 'hypervisors' && before && after) this.figures += 1
    else if (plural !== 'leases' && plural !== 'events') {
      this.writes += 1
      if (this.writes > this.#most) this.say('a storm of writes')
      const did = after ? 'changed' : 'deleted'
      const what = `${manager} ${before ? did : 'made'} ${plural}`
      this.writers.set(what, (this.writers.get(what) ?? 0) + 1)
    }
  }

  onHost(host: SimulatedHost): void {
    for (const uid of host.machines.uids()) {
      const machine = host.machines.machine(uid)
      const name = machine.owner?.name ?? uid
      if (isOn(machine)) this.#runs(host, uid, name)
      const { boots } = machine
      for (const mark of new Set(boots)) {
        if (!this.#deeds.has(mark)) continue
        const times = boots.filter((other) => other === mark).length
        if (times > 1 + (host.accidents.get(uid) ?? 0))
          this.say(`${name} was booted ${times} times by the deed ${mark}`)
      }
    }
  }

  #runs(host: SimulatedHost, uid: string, name: string): void {
    const others = this.#cloud().hosts.filter((other) => other !== host && isOn(other.machines.machine(uid)))
    if (others.length > 0) this.say(`${name} runs on ${host.name} and on ${others.map((o) => o.name).join(', ')}`)
    const server = this.#cloud()
      .api.peek<Server>('servers')
      .find(({ metadata }) => metadata.uid === uid)
    if (server && server.status?.host !== host.name)
      this.say(`${name} runs on ${host.name}, and its status says ${server.status?.host}`)
  }

  #server({ manager, before, after, key }: Write): void {
    const [old, now] = [before, after] as unknown as (Server | undefined)[]
    if (old && !now) this.#forgotten(old)
    if (!old || !now) return
    if (manager !== 'user' && JSON.stringify(old.spec) !== JSON.stringify(now.spec))
      this.say(`${manager} changed the spec of ${key}`)
    this.#moved(old, now, manager, key)
    this.#slot(old, now, key)
  }

  #moved(old: Server, now: Server, manager: string, key: string): void {
    const [was, is] = [old.status?.host, now.status?.host]
    if (was === is) return
    if (ownerOfManager(manager) !== 'scheduler') this.say(`${manager} moved ${key} from ${was} to ${is}`)
    if (was !== undefined) this.#left(old, was)
    if (is !== undefined) this.#room(is)
    this.#addresses(now)
  }

  /** A deed keeps its place until it has ended. The controller ends those that no host can do. */
  #slot({ status: was = {} }: Server, { status: is = {} }: Server, key: string): void {
    const { activeAction: action } = was
    if (
      action === undefined ||
      [was.lastCompletedAction, is.lastCompletedAction, is.activeAction?.uid].includes(action.uid)
    )
      return
    const records = this.#cloud().api.peek<ServerAction>('serveractions')
    if (records.find(({ metadata }) => metadata.uid === action.uid)?.status?.phase !== 'Failed')
      this.say(`the deed ${action.name} of ${key} lost its place to ${is.activeAction?.name ?? 'nobody'}`)
  }

  /** Only what holds nothing more may be gone; but for those that were given up. */
  #forgotten({ metadata, status }: Server): void {
    const uid = metadata.uid ?? ''
    const host = this.#cloud().host(status?.host ?? '')
    if (!host || host.machines.isEmpty(uid)) return
    const isGivenUp = Object.keys(metadata.annotations ?? {}).length > 0
    const isDown = this.#cloud().slot(host.name)?.isHeld === true || this.#wasForced.has(host.name)
    if (!isGivenUp && !isDown) this.say(`${metadata.name} is gone, and something of it is on ${host.name}`)
  }

  #left({ metadata }: Server, name: string): void {
    const host = this.#cloud().host(name)
    if (host && !host.machines.isEmpty(metadata.uid ?? ''))
      this.say(`${metadata.name} was taken from ${name}, where something of it is left`)
  }

  /** Claims are not more than a host gives. */
  #room(name: string): void {
    const host = this.#cloud().host(name)
    if (!host) return
    const claims = this.#cloud()
      .api.peek<Server>('servers')
      .filter(({ status }) => status?.host === name)
      .map(({ status }) => status?.instance && demandOf(status.instance.flavor, status.instance.image))
    const sum = (of: 'vcpus' | 'ram' | 'disk'): number => claims.reduce((all, claim) => all + (claim?.[of] ?? 0), 0)
    const { vcpus, ram, disk } = host.capacity
    if (sum('vcpus') > vcpus * 4 || sum('ram') > ram - 512 || sum('disk') > disk)
      this.say(`${name} is promised more than it has: ${sum('ram')} MiB of ${ram - 512}`)
  }

  /** No two servers on one address. Ports that nobody uses may come to share one while two controllers lead; see goals.ts. */
  #addresses(server: Server): void {
    if (server.status?.host === undefined) return
    for (const { metadata, status } of this.#cloud().api.peek<Server>('servers')) {
      if (metadata.uid === server.metadata.uid || status?.host === undefined) continue
      for (const { network, address } of status.addresses ?? [])
        if (server.status.addresses?.some((a) => a.network === network && a.address === address))
          this.say(`${address} of ${network} is given to ${metadata.name} and to ${server.metadata.name}`)
    }
  }

  #record({ before, after, manager, key }: Write): void {
    const [old, now] = [before, after] as unknown as (ServerAction | undefined)[]
    if (manager === 'user' && now) this.#deeds.add(now.metadata.uid ?? '')
    if (manager === 'user' && !now) this.forgotten.add(key)
    if (old && now) this.#ended(old, now, key)
  }

  #ended({ status: before }: ServerAction, { status }: ServerAction, key: string): void {
    const was = before?.phase ?? ''
    if (ends.has(was) && was !== status?.phase)
      this.say(`the record ${key} had ended as ${was} and is ${status?.phase}`)
  }
}
