/** How reasons are declared: a table for each group of them. */

/** All that is said of a reason. */
export interface ReasonFacts {
  /** What has happened, in a sentence. */
  meaning: string
  /**
   * Status of the Nova API's answer to a request that meets this reason: as Nova answers where Nova has the case. Of a reason that reports
   * success, progress or a state: the status of that request's success.
   */
  httpStatus: number
  /** What a user or operator does about it; Markdown, relative to docs/guide/. */
  whatToDo: string
}

export interface ReasonGroup {
  title: string
  /** What holds for all of the group, such as whether the work is tried again. */
  intro: string
}

/** Declares a table; only there so that the names are inferred. */
export const declareReasons = <Name extends string>(table: Record<Name, ReasonFacts>): Record<Name, ReasonFacts> =>
  table
