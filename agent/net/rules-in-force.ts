/** The rules of ours that nft has: what is known of them, and how they are changed. */
import { changes, NO_RULES, type Rules, replacement, sameRules, TABLE } from './rules.ts'
import { CommandFailed, type Run } from './run.ts'

/**
 * How well one needs to know them. `all`: everything is compared, for others may have changed it, which takes nft as long as to write it. `for`: to
 * have these in force; it is looked whether all chains are there: who flushes all rules, as a restart of nftables does, takes them away.
 */
export type Need = 'all' | { readonly for: Rules }

export class RulesInForce {
  readonly #run: Run
  /** What we put in force last; undefined: it is not known whether that was done. */
  #put: Rules | undefined
  /** How nft listed them then; undefined: it was not asked, or since then a part of them was changed. */
  #listing: string | undefined

  constructor(run: Run) {
    this.#run = run
  }

  /** The rules in force; undefined: not known. */
  async look(need: Need, signal: AbortSignal): Promise<Rules | undefined> {
    const put = this.#put
    // They are to be changed: if something of them is not there, that fails.
    if (need !== 'all' && put !== undefined && !sameRules(put, need.for)) return put
    const chains = chainsOf(await this.#run(['nft', 'list', 'chains', 'bridge'], { signal }))
    if (chains === undefined) return NO_RULES
    if (put === undefined || chains.symmetricDifference(new Set(put.keys())).size > 0) return undefined
    if (need !== 'all') return put
    if (this.#listing === undefined) return undefined
    return (await this.#list(signal)) === this.#listing ? put : undefined
  }

  /** @throws CommandFailed */
  async put({ from, to }: { from: Rules | undefined; to: Rules }, signal: AbortSignal): Promise<void> {
    this.#put = undefined
    this.#listing = undefined
    const inPart = from !== undefined && from.size > 0 && to.size > 0 && (await this.#change(from, to, signal))
    if (!inPart) await this.#write(replacement(to), signal)
    this.#put = to
    if (!inPart) this.#listing = await this.#list(signal)
  }

  /** False: something of what was taken to be in force is not. */
  async #change(from: Rules, to: Rules, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#write(changes(from, to), signal)
      return true
    } catch (error) {
      if (error instanceof CommandFailed) return false
      throw error
    }
  }

  async #write(input: string, signal: AbortSignal): Promise<void> {
    await this.#run(['nft', '-f', '-'], { signal, input })
  }

  /** As nft prints our table, without counts; '': there is none. */
  async #list(signal: AbortSignal): Promise<string> {
    try {
      return await this.#run(['nft', '--stateless', 'list', 'table', 'bridge', TABLE], { signal })
    } catch (error) {
      if (error instanceof CommandFailed && error.stderr.includes('No such file or directory')) return ''
      throw error
    }
  }
}

/** The names of our table's chains in a list of all tables'; undefined: there is no table of ours. */
function chainsOf(list: string): Set<string> | undefined {
  const ours = list.split(/^(?=table )/m).find((table) => table.startsWith(`table bridge ${TABLE} {`))
  if (ours === undefined) return undefined
  return new Set([...ours.matchAll(/^\tchain (\S+) \{$/gm)].map(([, name = '']) => name))
}
