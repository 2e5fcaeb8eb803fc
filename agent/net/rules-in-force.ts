/** Observes and changes the agent's nftables rules on this host. */
import { areRulesEqual, NO_RULES, type Rules, renderChanges, renderReplacement, TABLE } from './rules.ts'
import { CommandFailed, type RunProgram } from './run.ts'

/**
 * How closely `observe` compares the kernel's rules with those that the agent applied last. `thorough` compares every
 * rule: this finds any change by another program, but takes nft as long as writing the rules. `desired` compares only
 * the names of the chains: this finds a flush of all rules, for example by a restart of nftables.service.
 */
export type Comparison = 'thorough' | { readonly desired: Rules }

export class RulesInForce {
  readonly #runProgram: RunProgram
  /** The rules that the agent applied last. Undefined before the first apply and after one whose outcome is unknown. */
  #applied: Rules | undefined
  /** nft's listing of the applied rules. Undefined if the agent has not listed them since it last changed them. */
  #listing: string | undefined

  constructor(runProgram: RunProgram) {
    this.#runProgram = runProgram
  }

  /** Resolves to the rules in force; undefined if the agent cannot tell which rules are in force. */
  async observe(comparison: Comparison, signal: AbortSignal): Promise<Rules | undefined> {
    const applied = this.#applied
    const isThorough = comparison === 'thorough'
    // The caller is about to change the rules anyway. If a chain is missing, nft rejects the change and `apply`
    // replaces the whole table. So the chains need not be listed here.
    if (!isThorough && applied !== undefined && !areRulesEqual(applied, comparison.desired)) return applied
    const chains = parseChainNames(await this.#runProgram(['nft', 'list', 'chains', 'bridge'], { signal }))
    if (chains === undefined) return NO_RULES
    if (applied === undefined || chains.symmetricDifference(new Set(applied.keys())).size > 0) return undefined
    if (!isThorough) return applied
    if (this.#listing === undefined) return undefined
    return (await this.#listTable(signal)) === this.#listing ? applied : undefined
  }

  /**
   * Puts the rules `to` in force. If the rules in force (`from`) are known, changes only the chains that differ;
   * otherwise replaces the whole table.
   * @throws CommandFailed, a Transient error (retried) if nft fails
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

  /** Returns false if nft rejects the changes, which means that the rules in force are not `from`. */
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

  /** Resolves to nft's listing of the agent's table without packet counts; '' if there is no such table. */
  async #listTable(signal: AbortSignal): Promise<string> {
    try {
      return await this.#runProgram(['nft', '--stateless', 'list', 'table', 'bridge', TABLE], { signal })
    } catch (error) {
      if (error instanceof CommandFailed && error.stderr.includes('No such file or directory')) return ''
      throw error
    }
  }
}

/**
 * Returns the names of the agent's chains in nft's listing of all tables; undefined if the agent's table is missing.
 */
function parseChainNames(listing: string): Set<string> | undefined {
  const table = listing.split(/^(?=table )/m).find((text) => text.startsWith(`table bridge ${TABLE} {`))
  if (table === undefined) return undefined
  return new Set([...table.matchAll(/^\tchain (\S+) \{$/gm)].map(([, name = '']) => name))
}
