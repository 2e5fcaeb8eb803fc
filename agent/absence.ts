/** Is libvirt there? That it is not is told of only after the time that a restart of it takes. */
import type { AgentComponents } from './components.ts'

const AWAY_MS = 10_000

type Needs = Pick<AgentComponents, 'session' | 'libvirt'> & {
  kube: { clock: Pick<AgentComponents['kube']['clock'], 'timer'> }
}

/**
 * Follows it until `signal` aborts.
 * @param onBack libvirt is there, for the first time or again
 * @param onAway it has been away for long
 */
export function followLibvirt(
  { session, libvirt, kube: { clock } }: Needs,
  { onBack, onAway, signal }: { onBack: () => Promise<void>; onAway: () => void; signal: AbortSignal },
): void {
  let cancel = (): void => undefined
  const lost = (): void => {
    cancel()
    if (signal.aborted) return
    cancel = clock.timer(AWAY_MS, () => {
      libvirt.away = true
      libvirt.firstAway.resolve()
      onAway()
    })
  }
  const stop = session.onResync(() => {
    cancel()
    const { connection } = session
    // It may have gone again before this was told.
    if (!connection) return lost()
    libvirt.away = false
    void connection.closed.then(lost)
    return onBack()
  })
  if (!session.connection) lost()
  signal.addEventListener('abort', () => [stop, cancel].forEach((end) => end()), { once: true })
}
