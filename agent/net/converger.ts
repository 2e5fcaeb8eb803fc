import { join } from 'node:path'
import { Transient } from '../../crds/errors.ts'
import { runCommands } from './act.ts'
import { buildDesiredNetworks } from './desired.ts'
import { type Devices, observe } from './observe.ts'
import { findObstacle } from './obstacles.ts'
import { plan } from './plan.ts'
import { type Rules, rulesOf } from './rules.ts'
import { RulesInForce } from './rules-in-force.ts'
import type { RunProgram } from './run.ts'
import type { DesiredNetwork, HostedGuest, Observed } from './types.ts'

export interface ConvergerOptions {
  readonly runProgram: RunProgram
  /** The folder in which each network has a folder for dnsmasq's files. */
  readonly root: string
  /** Name of this host, for messages. */
  readonly host: string
  readonly guests: () => readonly HostedGuest[]
}

/** Keys (names.ts) of the networks to set up; 'all' means the networks of all guests. */
type NetworkKeys = ReadonlySet<string> | 'all'

interface DesiredState {
  readonly networks: ReadonlyMap<string, DesiredNetwork>
  readonly rules: Rules
}

interface ObserveRequest {
  readonly keys: ReadonlySet<string>
  readonly rules: Rules
  /**
   * If false, the run reuses earlier observations instead of comparing every nftables rule and looking into every
   * network namespace.
   */
  readonly isThorough: boolean
}

export class Converger {
  readonly #options: ConvergerOptions
  readonly #rules: RulesInForce
  /** Undefined if the last run may have changed a device. */
  #lastDevices: Devices | undefined
  readonly #closing = new AbortController()
  #running: Promise<unknown> = Promise.resolve()
  #queued: { keys: NetworkKeys; done: Promise<Map<string, unknown>> } | undefined

  constructor(options: ConvergerOptions) {
    this.#options = options
    this.#rules = new RulesInForce(options.runProgram)
  }

  /**
   * Sets up these networks, applies all nftables rules, and takes down the networks that no guest uses. All calls
   * during a run wait for one common next run. Resolves to the errors by network key.
   * @throws the error if the host cannot be observed or the rules cannot be applied
   */
  converge(keys: NetworkKeys): Promise<Map<string, unknown>> {
    if (this.#queued) {
      const { keys: others } = this.#queued
      this.#queued.keys = others === 'all' || keys === 'all' ? 'all' : others.union(keys)
      return this.#queued.done
    }
    const next = () => {
      const requested = this.#queued?.keys ?? keys
      this.#queued = undefined
      return this.#run(requested)
    }
    const done = this.#running.then(next, next)
    this.#queued = { keys, done }
    this.#running = done
    return done
  }

  observe(): Promise<Observed> {
    const { networks, rules } = this.#desiredState()
    return this.#observe({ keys: new Set(networks.keys()), rules, isThorough: true })
  }

  async close(): Promise<void> {
    this.#closing.abort(new Transient('AgentStopping', 'The agent is stopping'))
    await this.#running.catch(() => undefined) // The caller of converge() gets the error.
  }

  async #run(requested: NetworkKeys): Promise<Map<string, unknown>> {
    const { runProgram, root } = this.#options
    const { signal } = this.#closing
    signal.throwIfAborted()
    const { networks, rules } = this.#desiredState()
    const isThorough = requested === 'all'
    const keys = isThorough ? new Set(networks.keys()) : requested
    const observed = await this.#observe({ keys, rules, isThorough })
    const failed = this.#findObstacles(networks, observed, keys)
    const commands = plan(networks, observed, { rules, keys, blocked: new Set(failed.keys()), folder: this.#folder })
    // If a command fails or the agent stops, the state of the devices is unknown.
    this.#lastDevices = undefined
    const context = { runProgram, root, rules: this.#rules, signal }
    for (const [key, error] of await runCommands(commands, context)) failed.set(key, error)
    if (!commands.some(({ do: what }) => what === 'exec')) this.#lastDevices = observed
    return failed
  }

  #findObstacles(
    networks: ReadonlyMap<string, DesiredNetwork>,
    observed: Observed,
    keys: ReadonlySet<string>,
  ): Map<string, unknown> {
    const obstacles = new Map<string, unknown>()
    for (const network of networks.values()) {
      const obstacle = keys.has(network.key) ? findObstacle(network, observed, this.#options.host) : undefined
      if (obstacle) obstacles.set(network.key, obstacle)
    }
    return obstacles
  }

  async #observe({ keys, rules, isThorough }: ObserveRequest): Promise<Observed> {
    const { runProgram, root } = this.#options
    const { signal } = this.#closing
    const previous = isThorough ? undefined : this.#lastDevices
    const [inForce, observed] = await Promise.all([
      this.#rules.observe(isThorough ? 'thorough' : { desired: rules }, signal),
      observe({ runProgram, root, keys, previous, signal }),
    ])
    return { ...observed, rules: inForce }
  }

  readonly #folder = (key: string): string => join(this.#options.root, key)

  #desiredState(): DesiredState {
    const networks = buildDesiredNetworks(this.#options.guests(), this.#folder)
    return { networks, rules: rulesOf([...networks.values()]) }
  }
}
