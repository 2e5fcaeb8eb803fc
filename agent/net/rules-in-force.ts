import { areRulesEqual, NO_RULES, type Rules, renderChanges, renderReplacement, TABLE } from './rules.ts'
import { CommandFailed, type RunProgram } from './run.ts'

/**
 * How to compare the kernel's rules with those that the agent applied last. 'thorough' compares every rule, which takes
 * as long as writing them. An object compares only the names of the chains, which finds only a flush of all rules, such
 * as a restart of nftables.service.
 */
export type Comparison = 'thorough' | { readonly desired: Rules }

export class RulesInForce {
  readonly #runProgram: RunProgram
  /** Undefined if the agent has applied no rules, or if the last apply failed. */
  #applied: Rules | undefined
  /** nft's listing of the applied rules. Undefined if not listed since their last change. */
  #listing: string | undefined

  constructor(runProgram: RunProgram) {
    this.#runProgram = runProgram
  }

  /** Resolves to the rules in force; undefined if the agent cannot tell. */
  async observe(comparison: Comparison, signal: AbortSignal): Promise<Rules | undefined> {
    const applied = this.#applied
    const isThorough = comparison === 'thorough'
    // Do not compare, because the caller will apply new rules anyway. If a chain is missing, nft rejects the change,
    // and `apply` then replaces the whole table.
    if (!isThorough && applied !== undefined && !areRulesEqual(applied, comparison.desired)) return applied
    const chains = parseChainNames(await this.#runProgram(['nft', 'list', 'chains', 'bridge'], { signal }))
    if (chains === undefined) return NO_RULES
    if (applied === undefined || chains.symmetricDifference(new Set(applied.keys())).size > 0) return undefined
    if (!isThorough) return applied
    if (this.#listing === undefined) return undefined
    return (await this.#listTable(signal)) === this.#listing ? applied : undefined
  }

  /**
   * Puts the rules `to` in force by changing only the chains that differ from `from`, the rules now in force. If `from`
   * is undefined or nft rejects the change, replaces the whole table.
   */
  async apply({ from, to }: { from: Rules | undefined; to: Rules }, signal: AbortSignal): Promise<void> {
    this.#applied = undefined
    this.#listing = undefined
    const canChange = from !== undefined && from.size > 0 && to.size > 0
    const isChanged = canChange && (await this.#applyChanges(from, to, signal))
    if (!isChanged) await this.#runNft(renderReplacement(to), signal)
    this.#applied = to
    if (!isChanged) this.#listing = await this.#listTable(signal)
  }

  /** Returns false if nft rejects the changes, which means that `from` were not the rules in force. */
  async #applyChanges(from: Rules, to: Rules, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#runNft(renderChanges(from, to), signal)
      return true
    } catch (error) {
      if (error instanceof CommandFailed) return false
      throw error
    }
  }

  async #runNft(input: string, signal: AbortSignal): Promise<void> {
    await this.#runProgram(['nft', '-f', '-'], { signal, input })
  }

  /** Returns nft's listing of the agent's table without packet counts; '' if the table does not exist. */
  async #listTable(signal: AbortSignal): Promise<string> {
    try {
      return await this.#runProgram(['nft', '--stateless', 'list', 'table', 'bridge', TABLE], { signal })
    } catch (error) {
      if (error instanceof CommandFailed && error.stderr.includes('No such file or directory')) return ''
      throw error
    }
  }
}

/** Returns undefined if the agent's table is missing. */
function parseChainNames(listing: string): Set<string> | undefined {
  const table = listing.split(/^(?=table )/m).find((text) => text.startsWith(`table bridge ${TABLE} {`))
  if (table === undefined) return undefined
  return new Set([...table.matchAll(/^\tchain (\S+) \{$/gm)].map(([, name = '']) => name))
}
