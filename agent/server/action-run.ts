/**
 * An ActionRun is one execution of an action. It keeps, from one reconcile to the next, which step comes next and when
 * each step was first tried. Runs are in memory only. The action record has what must survive the agent, and a
 * restarted agent continues from the record.
 */
import type { Server, StepStatus } from '../../crds/index.ts'
import type { EndedAction } from './action-record.ts'
import type { Observed } from './observed.ts'
import type { Planned } from './plan.ts'

/** A step that takes longer than this is reported in the Server's condition and in the action record. */
export const LASTING_MS = 5000

export interface Clocks {
  /** Milliseconds since an arbitrary time. Setting the host's clock does not change them. */
  monotonic(): number
  /** The current time in RFC 3339. */
  wall(): string
}

interface StepRun {
  readonly status: StepStatus
  /**
   * When the step was first tried, on the monotonic clock. This is before the agent's start if an earlier process of
   * the agent tried the step first.
   */
  readonly startedMs: number
  finishedMs?: number
}

/** The part of a run that an earlier process of the agent has written into the action record. */
export interface FormerRun {
  startTime?: string
  /** The number in the name of the action record; undefined if a ServerAction requested the action. */
  recordNumber?: number
  steps: readonly StepStatus[]
  /** Set if the record has the end of the action. */
  end?: ActionEnd
}

/**
 * The end of an action that is not yet in the Server's status. Its result is decided, so the action does not run again.
 * Only what is left is retried: the undo steps of a failed action, then the action record, then the status.
 */
export interface ActionEnd {
  readonly ended: EndedAction
  /** True once the undo steps of a failed action are done. */
  isUndone?: boolean
  /** How many action records the server has. Set when the end of this action has been written into its record. */
  actionRecords?: number
}

/** The server with the spec that the run was planned for, and the domain as it was observed before the run began. */
export interface Subject {
  server: Server
  observed: Observed
}

export class ActionRun {
  readonly planned: Planned
  readonly startTime: string
  /** True if an earlier process of the agent began the run. */
  readonly isResumed: boolean
  /** True while a step runs in the background. The action then continues even if the spec has changed. */
  isWaiting = false
  /** Set when the action has ended, until its end is in the Server's status. */
  end: ActionEnd | undefined
  /** The index of the next step. */
  next = 0
  /**
   * The number in the name of the action record. Undefined if a ServerAction requested the action, or if no record has
   * been written yet.
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
   * The domain as observed before the run began. The status shows it during the whole run, as Nova keeps vm_state
   * during a task.
   */
  get observed(): Observed {
    return this.#subject.observed
  }

  get serverUid(): string | undefined {
    return this.#subject.server.metadata.uid
  }

  /**
   * The server as it is now, but with the spec that this run was planned for. The agent acts on a newer spec after the
   * run.
   */
  withOwnSpec(now: Server): Server {
    const { spec, metadata } = this.#subject.server
    const { generation } = metadata
    return { ...now, spec, metadata: { ...now.metadata, ...(generation === undefined ? {} : { generation }) } }
  }

  /**
   * Notes that a step is tried, and returns the milliseconds since its first try. A step that has finished begins anew,
   * so its first try is now.
   */
  tryStep(name: string): number {
    const known = this.#steps.get(name)
    if (known && known.status.finishedAt === undefined) return this.#clocks.monotonic() - known.startedMs
    const status = { name, startedAt: this.#clocks.wall() }
    this.#steps.set(name, { status, startedMs: this.#clocks.monotonic() })
    return 0
  }

  /** Whether this process of the agent has tried the step, or knows that an earlier one has. */
  hasTried(name: string): boolean {
    return this.#steps.has(name)
  }

  noteProgress(name: string, progress: string | undefined): void {
    const step = this.#steps.get(name)
    if (step && progress !== undefined) step.status.progress = progress
  }

  /** Notes that a step is done. Returns the milliseconds since its first try. */
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

  /**
   * Starts again with the first step, on the given server and observation. A step that has not finished keeps the time
   * of its first try.
   */
  startOver(subject = this.#subject): void {
    this.#subject = subject
    this.isWaiting = false
    this.next = 0
  }

  /**
   * Whether this content should be reported now: only if it is new, and at most once in `everyMs`. If so, it counts as
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
   * Whether the steps are written to the action record: if a step takes longer than LASTING_MS, or if an earlier
   * process of the agent began the run.
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
   * Converts the first try of a step in an earlier process to a time on the monotonic clock. If the wall clock was set
   * back since then, the first try counts as now.
   */
  #resumeStep(status: StepStatus): StepRun {
    const ageMs = Math.max(0, Date.parse(this.#clocks.wall()) - Date.parse(status.startedAt))
    return { status: { ...status }, startedMs: this.#clocks.monotonic() - ageMs }
  }
}

/** The runs of all servers of this host, by the server's key; a server has at most one. */
export class ActionRuns {
  readonly #runs = new Map<string, ActionRun>()

  /**
   * The run of this server if one of its steps runs in the background, or if its end is not yet reported. Undefined if
   * the server is to be deleted, or if the run is for a request that is no longer the active action.
   */
  getUnfinishedRun(key: string, server: Server): ActionRun | undefined {
    const run = this.ofServer(key, server)
    if (!(run?.isWaiting || run?.end) || server.metadata.deletionTimestamp) return undefined
    const { request } = run.planned
    return request && server.status?.activeAction?.uid !== request.uid ? undefined : run
  }

  /** The run of the planned action, if this process of the agent has begun it. */
  get(key: string, { id }: Planned): ActionRun | undefined {
    const run = this.#runs.get(key)
    return run?.planned.id === id ? run : undefined
  }

  /**
   * The run that this process of the agent has begun for the server, whatever its id. Undefined if the run is for an
   * older server of the same name, which was deleted.
   */
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
