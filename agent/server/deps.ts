/** The dependencies of the server reconciler. */
import type { Guest, Host } from '../../actions/host/index.ts'
import type { ServerAction } from '../../crds/index.ts'
import type { EventRecorder } from '../../kube/events.ts'
import type { Resource } from '../../kube/resource.ts'
import type { ActionRuns, Clocks } from './action-run.ts'
import type { StatusWriter } from './apply-status.ts'
import type { Attempts } from './attempts.ts'
import type { StatusInput } from './status.ts'

/** The functions of the host that steps and the reconciler use. */
export interface LocalHost extends Host, AsyncDisposable {
  /** Does not call libvirt. */
  isBegun(guest: Guest): Promise<boolean>
  runtimeInfo(guest: Guest): StatusInput['runtimeInfo']
}

export interface Deps extends StatusWriter {
  host: LocalHost
  /** Whether libvirt has been unreachable for longer than a restart of libvirtd takes. */
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
