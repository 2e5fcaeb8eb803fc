// Lies in wait at a point of a story: holds the process that comes by, kills the victim, lets the process go on while the victim is dead, and
// brings the victim back.
import type { Cloud } from '../rig/cloud.ts'
import { type FaultName, hasPaused, type Made, strike } from './faults.ts'
import { nameOf, type Point } from './gatekeeper.ts'
import type { Plot } from './stage.ts'

export class Ambush implements Plot {
  readonly #cloud: Cloud
  readonly #at: string
  readonly #kind: FaultName
  #struck: Promise<void> | undefined
  #over = false
  #paused = false
  made: Made[] = []

  /** @param at name of the point */
  constructor(cloud: Cloud, at: string, kind: FaultName) {
    this.#cloud = cloud
    this.#at = at
    this.#kind = kind
  }

  get over(): boolean | undefined {
    return this.#struck && this.#over
  }

  watch(server: string, point: Point): Promise<void> | undefined {
    this.#paused ||= hasPaused(point)
    if (this.#struck || nameOf(point) !== this.#at) return undefined
    const held = Promise.withResolvers<void>()
    this.made = [{ kind: this.#kind, server, paused: this.#paused, midst: false }]
    this.#struck = this.#strike(server, held.resolve)
    this.#struck.catch(() => undefined) // told by `failed`
    return held.promise
  }

  async failed(): Promise<void> {
    await this.#struck
  }

  async #strike(server: string, release: () => void): Promise<void> {
    try {
      const back = await strike(this.#cloud, this.#kind, server)
      release()
      await back()
    } finally {
      release()
      this.#over = true
    }
  }
}
