/** How reasons are declared: a table for each group of them. */

/** The facts about a reason. */
export interface ReasonFacts {
  /** One sentence about what has happened. */
  meaning: string
  /**
   * The status of the Nova API's answer to a request that meets this reason, as Nova answers. For a reason that reports
   * success, progress or a state it is the status of success.
   */
  httpStatus: number
  /** Tells a user or operator what to do. Markdown, with links relative to docs/guide/. */
  whatToDo: string
}

export interface ReasonGroup {
  title: string
  /** Tells what holds for the whole group, such as whether the work is tried again. */
  intro: string
}

/** Declares a table. It only lets TypeScript infer the names. */
export const declareReasons = <Name extends string>(table: Record<Name, ReasonFacts>): Record<Name, ReasonFacts> =>
  table
