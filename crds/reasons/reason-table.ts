/** The types with which reasons are declared. Reasons stand in groups, with one table for each group. */

export interface ReasonFacts {
  /** One sentence about what has happened. */
  meaning: string
  /**
   * The HTTP status with which the Nova API answers a request that fails for this reason. For a reason that reports
   * success, progress or a state: the status of a successful answer.
   */
  httpStatus: number
  /** Tells a user or operator what to do. Markdown, with links relative to docs/guide/. */
  whatToDo: string
}

export interface ReasonGroup {
  title: string
  /** Tells what is true for the whole group, such as whether the work is retried. */
  intro: string
}

/** Returns the table unchanged. The call only makes TypeScript infer the names of the reasons. */
export const declareReasons = <Name extends string>(table: Record<Name, ReasonFacts>): Record<Name, ReasonFacts> =>
  table
