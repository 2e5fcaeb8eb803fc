/** libvirt's numbers of states and reasons (libvirt-domain.h) in our words. */
import type { DomainPower } from '../../crds/index.ts'

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

/** VIR_DOMAIN_*_REASON by state; a number not named here is given as a number. */
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

/** State and reason of virDomainGetState. `saved`: a managed save is there. A domain that is shutting down still runs. */
export function stateOf(state: number, reason: number, saved: boolean): { power: DomainPower; reason: string } {
  const power = powers[state] ?? 'off'
  return { power: power === 'off' && saved ? 'saved' : power, reason: reasons[state]?.[reason] ?? String(reason) }
}
