/** What passes soon is not told: a status is written for what somebody has to know. Pure. */
import { Refused, Transient } from '../crds/index.ts'

/** A try after a third of a second. */
const TOLD_FROM = 3

/** Is it to be told in the object's status, and not only tried again? @param attempt which one in a row */
export const lasts = (error: unknown, attempt: number): error is Refused | Transient =>
  error instanceof Refused || (error instanceof Transient && attempt >= TOLD_FROM)
