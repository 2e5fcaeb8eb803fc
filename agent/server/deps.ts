/** What the reconciler of a host's servers works with. */
import type { Guest, Host } from '../../actions/host/index.ts'
import type { ServerAction } from '../../crds/index.ts'
import type { EventRecorder } from '../../kube/events.ts'
import type { Resource } from '../../kube/resource.ts'
import type { ActionRuns, Clocks } from './action-run.ts'
import type { StatusWriter } from './apply-status.ts'
import type { Attempts } from './attempts.ts'
import type { StatusInput } from './status.ts'

/** The host's capabilities, and what reconciling asks of the host besides. */
export interface LocalHost extends Host, AsyncDisposable {
  /** Was anything of the server made on this host? Answered from its files, without libvirt. */
  isBegun(guest: Guest): Promise<boolean>
  /** The domain's name, and where its console log and its VNC socket are. */
  runtimeInfo(guest: Guest): StatusInput['place']
}

export interface Deps extends StatusWriter {
  host: LocalHost
  /** Has libvirt been gone for longer than a restart of it takes? */
  isLibvirtAway(): boolean
  actions: Resource<ServerAction>
  events: EventRecorder
  attempts: Attempts
  runs: ActionRuns
  clocks: Clocks
  onStep(action: string, step: string, seconds: number): void
  /** Seconds that a guest gets to power off. */
  shutdownTimeout: number
}
