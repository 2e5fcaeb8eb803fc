import type { DomainPower } from '../../crds/index.ts'

/** The index is the number of the virDomainState. */
const powers: readonly DomainPower[] = [
  'off',
  'running',
  'running',
  'paused',
  'running',
  'off',
  'crashed',
  'pmsuspended',
]

/**
 * The key is the number of the virDomainState. The index in the list is the number of the reason. A reason that is not
 * listed is reported by its number.
 */
const reasons: Partial<Record<number, readonly string[]>> = {
  1: [
    'unknown',
    'booted',
    'migrated',
    'restored',
    'from snapshot',
    'unpaused',
    'migration canceled',
    'save canceled',
    'wakeup',
    'crashed',
    'post-copy',
  ],
  3: [
    'unknown',
    'user',
    'migrating',
    'saving',
    'dumping',
    'io-error',
    'watchdog',
    'from snapshot',
    'shutting-down',
    'creating snapshot',
    'crashed',
    'starting up',
    'post-copy',
    'post-copy failed',
    'api error',
  ],
  5: ['unknown', 'shutdown', 'destroyed', 'crashed', 'migrated', 'saved', 'failed', 'from snapshot', 'daemon'],
  6: ['unknown', 'panicked'],
}

/**
 * A domain that is shutting down counts as running.
 * @param saved whether the domain has a managed save
 */
export function toDomainState(state: number, reason: number, saved: boolean): { power: DomainPower; reason: string } {
  const power = powers[state] ?? 'off'
  return { power: power === 'off' && saved ? 'saved' : power, reason: reasons[state]?.[reason] ?? String(reason) }
}
