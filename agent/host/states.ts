/** Translates libvirt's numbers for domain states and reasons (libvirt-domain.h) to names. */
import type { DomainPower } from '../../crds/index.ts'

/** The power for each virDomainState; the index is the number of the state. */
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
 * The names of the reasons for each virDomainState: the key is the state's number, the index the reason's number. A
 * reason that is not listed is reported by its number.
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
 * Translates the state and reason of virDomainGetState. A domain that is shutting down counts as running.
 * @param saved whether the domain has a managed save
 */
export function toDomainState(state: number, reason: number, saved: boolean): { power: DomainPower; reason: string } {
  const power = powers[state] ?? 'off'
  return { power: power === 'off' && saved ? 'saved' : power, reason: reasons[state]?.[reason] ?? String(reason) }
}
