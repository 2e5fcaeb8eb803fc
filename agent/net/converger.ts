/** Observe, plan, act: one run at a time. Who asks while one runs shares the next one, so that many plugs at once cost two. */
import { join } from 'node:path'
import { Transient } from '../../crds/errors.ts'
import { carryOut } from './act.ts'
import { desiredNetworks } from './desired.ts'
import { type Devices, observe } from './observe.ts'
import { obstacle } from './obstacles.ts'
import { plan } from './plan.ts'
import { type Rules, rulesOf } from './rules.ts'
import { RulesInForce } from './rules-in-force.ts'
import type { Run } from './run.ts'
import type { HostedGuest, Observed } from './types.ts'

export interface ConvergerOptions {
  readonly run: Run
  /** Folder of all networks' DHCP files. */
  readonly root: string
  readonly host: string
  readonly dhcpDomain?: string
  readonly guests: () => readonly HostedGuest[]
}

/** Networks by key; 'all': those that any guest has. */
type Keys = ReadonlySet<string> | 'all'

export class Converger {
  readonly #options: ConvergerOptions
  readonly #rules: RulesInForce
  /** See observe(). */
  #before: Devices | undefined
  readonly #closing = new AbortController()
  #current: Promise<unknown> = Promise.resolve()
  #waiting: { keys: Keys; done: Promise<Map<string, unknown>> } | undefined

  constructor(options: ConvergerOptions) {
    this.#options = options
    this.#rules = new RulesInForce(options.run)
  }

  /**
   * Sets up these networks, puts the rules of all in force, takes down what no guest has any more. Resolves to what failed, by
   * network. With a run that waits already, joins it.
   * @throws what kept it from looking, or from putting the rules in force
   */
  converge(keys: Keys): Promise<Map<string, unknown>> {
    if (this.#waiting) {
      const { keys: others } = this.#waiting
      this.#waiting.keys = others === 'all' || keys === 'all' ? 'all' : others.union(keys)
      return this.#waiting.done
    }
    const next = () => {
      const wanted = this.#waiting?.keys ?? keys
      this.#waiting = undefined
      return this.#run(wanted)
    }
    const done = this.#current.then(next, next)
    this.#waiting = { keys, done }
    this.#current = done
    return done
  }

  /** At all there is of ours. */
  look(): Promise<Observed> {
    const desired = this.#desired()
    return this.#look(new Set(desired.keys()), rulesOf([...desired.values()]), true)
  }

  /** Ends the run under way and waits for its end. */
  async close(): Promise<void> {
    this.#closing.abort(new Transient('AgentStopping', 'The agent is stopping'))
    await this.#current.catch(() => undefined) // whoever asked for it was told
  }

  async #run(wanted: Keys): Promise<Map<string, unknown>> {
    const { run, root, host } = this.#options
    const { signal } = this.#closing
    signal.throwIfAborted()
    const desired = this.#desired()
    const all = wanted === 'all'
    const keys = all ? new Set(desired.keys()) : wanted
    const rules = rulesOf([...desired.values()])
    const observed = await this.#look(keys, rules, all)
    const failed = new Map<string, unknown>()
    for (const network of desired.values()) {
      const inTheWay = keys.has(network.key) ? obstacle(network, observed, host) : undefined
      if (inTheWay) failed.set(network.key, inTheWay)
    }
    const refused = new Set(failed.keys())
    const commands = plan(desired, observed, { rules, keys, refused, folder: this.#folder })
    // What a command that fails, or an agent that ends, leaves undone nobody knows.
    this.#before = undefined
    const actor = { run, root, rules: this.#rules, signal }
    for (const [key, error] of await carryOut(commands, actor)) failed.set(key, error)
    if (!commands.some(({ do: what }) => what === 'exec')) this.#before = observed
    return failed
  }

  async #look(keys: ReadonlySet<string>, rules: Rules, thoroughly: boolean): Promise<Observed> {
    const { run, root } = this.#options
    const { signal } = this.#closing
    const before = thoroughly ? undefined : this.#before
    const [inForce, seen] = await Promise.all([
      this.#rules.look(thoroughly ? 'all' : { for: rules }, signal),
      observe({ run, root, keys, before, signal }),
    ])
    return { ...seen, rules: inForce }
  }

  readonly #folder = (key: string): string => join(this.#options.root, key)

  #desired() {
    const { dhcpDomain: domain, guests } = this.#options
    return desiredNetworks(guests(), { folder: this.#folder, ...(domain === undefined ? {} : { domain }) })
  }
}
