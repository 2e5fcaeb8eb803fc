/**
 * An ActionRun is one execution of an action: the next step, and when each step was first tried. Runs are only in
 * memory: a restarted agent continues from the action record (a ServerAction).
 */
import type { Server, StepStatus } from '../../crds/index.ts'
import type { EndedAction } from './action-record.ts'
import type { Observed } from './observed.ts'
import type { Planned } from './plan.ts'

/** Milliseconds. If a step takes longer, the Server's Ready condition and the action record report the step. */
export const LASTING_MS = 5000

export interface Clocks {
  /** Milliseconds since an arbitrary time, not affected by changes of the host's clock. */
  monotonic(): number
  /** The current time in RFC 3339. */
  wall(): string
}

interface StepRun {
  readonly status: StepStatus
  /**
   * When the step was first tried, perhaps by an earlier process of the agent, in milliseconds of the monotonic clock.
   */
  readonly startedMs: number
  finishedMs?: number
}

/** The data that the action record has of a run, which an earlier process of the agent began. */
export interface FormerRun {
  startTime?: string
  /** The number in the action record's name; undefined if a ServerAction requested the action. */
  recordNumber?: number
  steps: readonly StepStatus[]
  /** Undefined if the action record has no end. */
  end?: ActionEnd
}

/**
 * The end of an action, kept until it is in the Server's status. Reporting it takes up to three parts: the undo steps
 * (only after a failure), the write of the action record, the write of the status. After an error, only the unfinished
 * parts are tried again.
 */
export interface ActionEnd {
  readonly ended: EndedAction
  isUndone?: boolean
  /**
   * The number of the server's action records. Undefined until the action record with this end is written, because that
   * write may create the record.
   */
  actionRecords?: number
}

/** The server with the spec that the run is for, and the domain as observed before the run. */
export interface Subject {
  server: Server
  observed: Observed
}

export class ActionRun {
  readonly planned: Planned
  readonly startTime: string
  /** True if an earlier process of the agent began the run. */
  readonly isResumed: boolean
  /** Whether a step runs in the background. The action then continues even if the spec has changed. */
  isWaiting = false
  end: ActionEnd | undefined
  /** The index of the next step. */
  next = 0
  /**
   * The number in the action record's name. Undefined if a ServerAction requested the action or no record exists yet.
   */
  recordNumber: number | undefined
  #subject: Subject
  readonly #reports = new Map<string, { content: string; ms: number }>()
  readonly #clocks: Clocks
  readonly #steps = new Map<string, StepRun>()

  constructor(planned: Planned, subject: Subject, clocks: Clocks, former?: FormerRun) {
    this.planned = planned
    this.#subject = subject
    this.#clocks = clocks
    this.isResumed = former !== undefined
    this.startTime = former?.startTime ?? clocks.wall()
    this.recordNumber = former?.recordNumber
    this.end = former?.end
    for (const step of former?.steps ?? []) this.#steps.set(step.name, this.#resumeStep(step))
  }

  /**
   * The domain as observed before the run. The status shows it until the run ends, as Nova keeps vm_state during a
   * task.
   */
  get observed(): Observed {
    return this.#subject.observed
  }

  get serverUid(): string | undefined {
    return this.#subject.server.metadata.uid
  }

  /** Returns the current server, but with the spec that this run is for. */
  withOwnSpec(now: Server): Server {
    const { spec, metadata } = this.#subject.server
    const { generation } = metadata
    return { ...now, spec, metadata: { ...now.metadata, ...(generation === undefined ? {} : { generation }) } }
  }

  /**
   * Returns the milliseconds since the step's first try. If the step has finished before, this try counts as the first
   * one.
   */
  tryStep(name: string): number {
    const known = this.#steps.get(name)
    if (known && known.status.finishedAt === undefined) return this.#clocks.monotonic() - known.startedMs
    const status = { name, startedAt: this.#clocks.wall() }
    this.#steps.set(name, { status, startedMs: this.#clocks.monotonic() })
    return 0
  }

  hasTried(name: string): boolean {
    return this.#steps.has(name)
  }

  noteProgress(name: string, progress: string | undefined): void {
    const step = this.#steps.get(name)
    if (step && progress !== undefined) step.status.progress = progress
  }

  /** Returns the milliseconds since the step's first try. */
  finishStep(name: string): number {
    const step = this.#steps.get(name)
    if (!step) return 0
    step.finishedMs = this.#clocks.monotonic()
    step.status.finishedAt = this.#clocks.wall()
    this.next += 1
    return step.finishedMs - step.startedMs
  }

  /** Milliseconds since the first try of the step; 0 if it was never tried. */
  stepElapsedMs(name: string): number {
    const { startedMs = this.#clocks.monotonic() } = this.#steps.get(name) ?? {}
    return this.#clocks.monotonic() - startedMs
  }

  /** Starts again with the first step. Unfinished steps keep the time of their first try. */
  startOver(subject = this.#subject): void {
    this.#subject = subject
    this.isWaiting = false
    this.next = 0
  }

  /**
   * Whether `content` is new and the last report is at least `everyMs` milliseconds ago. If so, remembers it as
   * reported.
   */
  isReportDue(report: 'record' | 'status', content: string, everyMs: number): boolean {
    const now = this.#clocks.monotonic()
    const last = this.#reports.get(report)
    if (last && (last.content === content || now - last.ms < everyMs)) return false
    this.#reports.set(report, { content, ms: now })
    return true
  }

  /**
   * Write the steps into the action record only if one takes longer than LASTING_MS, or if an earlier process of the
   * agent began the run.
   */
  get isRecorded(): boolean {
    const now = this.#clocks.monotonic()
    const hasLasted = [...this.#steps.values()].some((step) => (step.finishedMs ?? now) - step.startedMs >= LASTING_MS)
    return this.isResumed || hasLasted
  }

  get steps(): StepStatus[] {
    return [...this.#steps.values()].map(({ status }) => status)
  }

  /**
   * Restores a step that an earlier process of the agent has tried. If the wall clock has been set back since, the
   * first try counts as made now.
   */
  #resumeStep(status: StepStatus): StepRun {
    const ageMs = Math.max(0, Date.parse(this.#clocks.wall()) - Date.parse(status.startedAt))
    return { status: { ...status }, startedMs: this.#clocks.monotonic() - ageMs }
  }
}

/** At most one run for each server of this host. The key is the server's namespace and name. */
export class ActionRuns {
  readonly #runs = new Map<string, ActionRun>()

  /**
   * Returns the server's run if a step runs in the background or the end of the run is not yet reported. Returns
   * undefined if the server is being deleted, or if the run's ServerAction is no longer the server's active action.
   */
  getUnfinishedRun(key: string, server: Server): ActionRun | undefined {
    const run = this.ofServer(key, server)
    if (!(run?.isWaiting || run?.end) || server.metadata.deletionTimestamp) return undefined
    const { request } = run.planned
    return request && server.status?.activeAction?.uid !== request.uid ? undefined : run
  }

  /** Undefined if this process has not begun the run of the planned action. */
  get(key: string, { id }: Planned): ActionRun | undefined {
    const run = this.#runs.get(key)
    return run?.planned.id === id ? run : undefined
  }

  /** Returns the server's run, whatever its action. Undefined if the run is for a deleted server of the same name. */
  ofServer(key: string, { metadata }: Server): ActionRun | undefined {
    const run = this.#runs.get(key)
    return run?.serverUid === metadata.uid ? run : undefined
  }

  set(key: string, run: ActionRun): void {
    this.#runs.set(key, run)
  }

  forget(key: string): void {
    this.#runs.delete(key)
  }
}
