/**
 * Facts about a server that only Nova's API has. They stand in annotations of the Server, so that no other program
 * needs to know them, and are lost to nobody who edits the Server with kubectl.
 */
import type { Server } from '../../crds/index.ts'

const PREFIX = 'compute.kubenova.io/'
const annotationOf = {
  /** The ID of the user who created the server. */
  userId: `${PREFIX}user-id`,
  reservationId: `${PREFIX}reservation-id`,
  /** The place of the server among those that one request created. */
  launchIndex: `${PREFIX}launch-index`,
  accessIPv4: `${PREFIX}access-ipv4`,
  accessIPv6: `${PREFIX}access-ipv6`,
  diskConfig: `${PREFIX}disk-config`,
  /** The kind of user who has locked the server: `owner` or `admin`. */
  lockedBy: `${PREFIX}locked-by`,
} as const

export type ServerFacts = { [K in keyof typeof annotationOf]?: string }

export const factsOf = ({ metadata: { annotations = {} } }: Pick<Server, 'metadata'>): ServerFacts =>
  Object.fromEntries(
    Object.entries(annotationOf).flatMap(([fact, name]) =>
      annotations[name] === undefined ? [] : [[fact, annotations[name]]],
    ),
  )

/** The annotations for these facts. null removes one. */
export const annotationsFor = <V extends string | null>(
  facts: { [K in keyof ServerFacts]?: V | undefined },
): Record<string, V> =>
  Object.fromEntries(
    (Object.keys(facts) as (keyof ServerFacts)[]).flatMap((fact) => {
      const value = facts[fact]
      return value === undefined ? [] : [[annotationOf[fact], value]]
    }),
  )
