// Kills one process (the victim) before or after one effect of agent or controller. The process that has this effect
// waits until the victim is dead, and goes on before the victim is restarted.
import type { Cloud } from '../rig/cloud.ts'
import type { FaultPlan } from './chaos-cloud.ts'
import { type FaultName, hasJustPaused, type InjectedFault, injectFault } from './faults.ts'
import { nameOf, type Point } from './gatekeeper.ts'

export class PlannedKill implements FaultPlan {
  readonly #cloud: Cloud
  readonly #pointName: string
  readonly #fault: FaultName
  #kill: Promise<void> | undefined
  #isRecovered = false
  #wasPaused = false
  injected: InjectedFault[] = []

  constructor(cloud: Cloud, pointName: string, fault: FaultName) {
    this.#cloud = cloud
    this.#pointName = pointName
    this.#fault = fault
  }

  get state() {
    if (!this.#kill) return 'pending'
    return this.#isRecovered ? 'recovered' : 'active'
  }

  onPoint(server: string, point: Point): Promise<void> | undefined {
    this.#wasPaused ||= hasJustPaused(point)
    if (this.#kill || nameOf(point) !== this.#pointName) return undefined
    const hold = Promise.withResolvers<void>()
    this.injected = [
      { fault: this.#fault, server, wasPaused: this.#wasPaused, isDuringEffect: point.isUnderWay === true },
    ]
    this.#kill = this.#killAndRecover(server, hold.resolve)
    // waitForRecovery() throws the error later; until then, prevent an unhandled rejection.
    this.#kill.catch(() => undefined)
    return hold.promise
  }

  async waitForRecovery(): Promise<void> {
    await this.#kill
  }

  async #killAndRecover(server: string, release: () => void): Promise<void> {
    try {
      const recover = await injectFault(this.#cloud, this.#fault, server)
      release()
      await recover()
    } finally {
      release()
      this.#isRecovered = true
    }
  }
}
