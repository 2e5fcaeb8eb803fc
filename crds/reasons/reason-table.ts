export interface ReasonFacts {
  /** One sentence about what has happened. */
  meaning: string
  /**
   * The HTTP status with which the Nova API answers a request that fails for this reason. For success, progress or a
   * state: that of a successful answer.
   */
  httpStatus: number
  /** Markdown, with links relative to docs/guide/. */
  whatToDo: string
}

export interface ReasonGroup {
  title: string
  intro: string
}

/** Returns the table unchanged. The call only makes TypeScript infer the names of the reasons. */
export const declareReasons = <Name extends string>(table: Record<Name, ReasonFacts>): Record<Name, ReasonFacts> =>
  table
