/** Reports the loss of libvirt only if it lasts longer than a restart of libvirtd. */
import type { AgentComponents } from './components.ts'

/** Milliseconds after which libvirt counts as lost. A restart of libvirtd takes less time. */
const AWAY_MS = 10_000

type Dependencies = Pick<AgentComponents, 'session' | 'libvirt'> & {
  kube: { clock: Pick<AgentComponents['kube']['clock'], 'timer'> }
}

/**
 * Keeps `libvirt.away` up to date until `signal` aborts.
 * @param onBack called after each connect to libvirt, also after the first one
 * @param onAway called when libvirt has been unreachable for longer than a restart of libvirtd takes
 */
export function watchLibvirtConnection(
  { session, libvirt, kube: { clock } }: Dependencies,
  { onBack, onAway, signal }: { onBack: () => Promise<void>; onAway: () => void; signal: AbortSignal },
): void {
  let cancelTimer = (): void => undefined
  const onLost = (): void => {
    cancelTimer()
    if (signal.aborted) return
    cancelTimer = clock.timer(AWAY_MS, () => {
      libvirt.away = true
      libvirt.firstAway.resolve()
      onAway()
    })
  }
  const stopListening = session.onResync(() => {
    cancelTimer()
    const { connection } = session
    if (!connection) return onLost()
    libvirt.away = false
    void connection.closed.then(onLost)
    return onBack()
  })
  if (!session.connection) onLost()
  signal.addEventListener('abort', () => [stopListening, cancelTimer].forEach((end) => end()), { once: true })
}
