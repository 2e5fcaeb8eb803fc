/** Whether each write of a status came from the owner of what it changed, as crds/status-owners.ts has it. Pure. */
import { type Condition, type OwnedKind, ownerOfCondition, ownerOfField, ownerOfManager } from '../../crds/index.ts'
import { kinds } from '../../hack/generate/kinds.ts'
import type { Write } from '../fakes/api.ts'

type Status = Readonly<Record<string, unknown>> & { conditions?: readonly Condition[] }

const kindOf = new Map(kinds.map(({ plural, kind }) => [plural, kind as OwnedKind]))

/** What a write changed although it belongs to another owner, in words. */
export function foreignChanges({ plural, manager, before, after, key }: Write): string[] {
  const kind = kindOf.get(plural)
  if (kind === undefined || !after) return []
  const [was, is] = [before, after].map((object) => (object?.['status'] ?? {}) as Status) as [Status, Status]
  const writer = ownerOfManager(manager)
  // The write itself may begin or end an owner's turn.
  const isForeign = (ownerIn: (status: Status) => string | undefined): boolean =>
    writer === undefined || ![was, is].some((status) => ownerIn(status) === writer)
  return [
    ...changedFields(was, is)
      .filter((field) => isForeign((status) => ownerOfField(kind, field, status)))
      .map((field) => `${manager} changed status.${field} of ${key}`),
    ...changedConditions(was, is)
      .filter((type) => isForeign((status) => ownerOfCondition(kind, type, status)))
      .map((type) => `${manager} changed condition ${type} of ${key}`),
  ]
}

const differs = (a: unknown, b: unknown): boolean => JSON.stringify(a) !== JSON.stringify(b)

const changedFields = (was: Status, is: Status): string[] =>
  [...new Set([...Object.keys(was), ...Object.keys(is)])].filter(
    (field) => field !== 'conditions' && differs(was[field], is[field]),
  )

function changedConditions({ conditions: was = [] }: Status, { conditions: is = [] }: Status): string[] {
  const types = new Set([...was, ...is].map(({ type }) => type))
  const of = (list: readonly Condition[], type: string) => list.find((c) => c.type === type)
  return [...types].filter((type) => differs(of(was, type), of(is, type)))
}
