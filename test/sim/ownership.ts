/** Checks that each field and condition of a status is changed only by its owner in crds/status-owners.ts. */
import {
  type Condition,
  initialStatusOf,
  type OwnedKind,
  ownerOfCondition,
  ownerOfField,
  ownerOfManager,
} from '../../crds/index.ts'
import { kinds } from '../../hack/generate/kinds.ts'
import type { Write } from '../fakes/api.ts'

type Status = Readonly<Record<string, unknown>> & { conditions?: readonly Condition[] }

const kindOf = new Map(kinds.map((kind) => [kind.plural, kind]))

export function findForeignChanges({ plural, manager, before, after, key }: Write): string[] {
  const declared = kindOf.get(plural)
  if (declared === undefined || !after) return []
  const kind = declared.kind as OwnedKind
  // The API server sets the first status of a new object. So compare with that status; otherwise its fields would count
  // as changed by the creator.
  const initial = { status: initialStatusOf(declared) }
  const [old, now] = [before ?? initial, after].map(({ status = {} }) => status as Status) as [Status, Status]
  const writer = ownerOfManager(manager)
  // The owner of a field may depend on the status, which the write changes. So a change is foreign only if the writer
  // owns the field neither before nor after the write.
  const isForeign = (ownerIn: (status: Status) => string | undefined): boolean =>
    writer === undefined || ![old, now].some((status) => ownerIn(status) === writer)
  // When a server has lost its host, the controller removes the agent's status fields with the agent's field manager,
  // so the agent seems to be the writer.
  const isClearedForAgent = (field: string): boolean =>
    writer === 'agent' && old['host'] === undefined && old['domain'] !== undefined && now[field] === undefined
  return [
    ...changedFields(old, now)
      .filter((field) => !isClearedForAgent(field))
      .filter((field) => isForeign((status) => ownerOfField(kind, field, status)))
      .map((field) => `${manager} changed status.${field} of ${key}`),
    ...changedConditions(old, now)
      .filter((type) => isForeign((status) => ownerOfCondition(kind, type, status)))
      .map((type) => `${manager} changed condition ${type} of ${key}`),
  ]
}

const isDifferent = (a: unknown, b: unknown): boolean => JSON.stringify(a) !== JSON.stringify(b)

const changedFields = (old: Status, now: Status): string[] =>
  [...new Set([...Object.keys(old), ...Object.keys(now)])].filter(
    (field) => field !== 'conditions' && isDifferent(old[field], now[field]),
  )

function changedConditions({ conditions: old = [] }: Status, { conditions: now = [] }: Status): string[] {
  const types = new Set([...old, ...now].map(({ type }) => type))
  const find = (list: readonly Condition[], type: string) => list.find((c) => c.type === type)
  return [...types].filter((type) => isDifferent(find(old, type), find(now, type)))
}
