/**
 * Decides which errors are written to an object's status. Most transient errors disappear before the third attempt and
 * are not. Pure.
 */
import { Refused, Transient } from '../crds/index.ts'

/** The third attempt comes about a third of a second after the first. */
const REPORTED_ATTEMPT = 3

/** @param attempt which attempt in a row has failed, from 1 */
export const shouldReportInStatus = (error: unknown, attempt: number): error is Refused | Transient =>
  error instanceof Refused || (error instanceof Transient && attempt >= REPORTED_ATTEMPT)
