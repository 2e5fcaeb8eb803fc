/** Facts about a server that only Nova's API has, kept in annotations of the Server. */
import type { Server } from '../../crds/index.ts'

const PREFIX = 'compute.kubenova.io/'
const annotationOf = {
  userId: `${PREFIX}user-id`,
  reservationId: `${PREFIX}reservation-id`,
  /** The place of the server among those that one request created. */
  launchIndex: `${PREFIX}launch-index`,
  accessIPv4: `${PREFIX}access-ipv4`,
  accessIPv6: `${PREFIX}access-ipv6`,
  diskConfig: `${PREFIX}disk-config`,
  /** The kind of user who has locked the server: `owner` or `admin`. */
  lockedBy: `${PREFIX}locked-by`,
  /**
   * Lets an administrator act on a locked server: a new value with a change of the power state, or `delete` before a
   * DELETE that names the resourceVersion (crds/admission/server-lock.yaml).
   */
  ignoreLock: `${PREFIX}ignore-lock`,
} as const

export type ServerFacts = { [K in keyof typeof annotationOf]?: string }

export const factsOf = ({ metadata: { annotations = {} } }: Pick<Server, 'metadata'>): ServerFacts =>
  Object.fromEntries(
    Object.entries(annotationOf).flatMap(([fact, name]) =>
      annotations[name] === undefined ? [] : [[fact, annotations[name]]],
    ),
  )

/** Clients get this ID for a server that no user of this API has created, but a user of Kubernetes. */
const KUBERNETES_USER_ID = 'kubernetes'

/** The ID of the user who has created the server. */
export const creatorIdOf = ({ metadata: { annotations = {} } }: Pick<Server, 'metadata'>): string =>
  annotations[annotationOf.userId] ?? KUBERNETES_USER_ID

/** null removes an annotation. */
export const annotationsFor = <V extends string | null>(
  facts: { [K in keyof ServerFacts]?: V | undefined },
): Record<string, V> =>
  Object.fromEntries(
    (Object.keys(facts) as (keyof ServerFacts)[]).flatMap((fact) => {
      const value = facts[fact]
      return value === undefined ? [] : [[annotationOf[fact], value]]
    }),
  )
