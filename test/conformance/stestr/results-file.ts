import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Outcome } from './outcomes.ts'

export type SetName = 'tempest' | 'functional'

const fileOf = (set: SetName): string => join(import.meta.dirname, '..', set, 'results.json')

/** Returns the outcomes of the last run that was recorded. */
export const readOutcomes = (set: SetName): Outcome[] => JSON.parse(readFileSync(fileOf(set), 'utf8')) as Outcome[]

export const writeOutcomes = (set: SetName, outcomes: readonly Outcome[]): void =>
  writeFileSync(fileOf(set), `${JSON.stringify(outcomes, undefined, 2)}\n`)
