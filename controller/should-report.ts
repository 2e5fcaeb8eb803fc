/**
 * A transient error is written to an object's status only from the third attempt on, because most transient errors
 * disappear earlier.
 */
import { Refused, Transient } from '../crds/index.ts'

/** The third attempt comes about a third of a second after the first. */
const REPORTED_ATTEMPT = 3

/** @param attempt the attempt that failed: 1 for the first since the last success, 2 for the second, and so on */
export const shouldReportInStatus = (error: unknown, attempt: number): error is Refused | Transient =>
  error instanceof Refused || (error instanceof Transient && attempt >= REPORTED_ATTEMPT)
