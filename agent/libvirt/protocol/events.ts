// Domain events: the number to register for, the message that then comes, its fields.
import { type AnyType, flags, hyper, int, type Output, optional, string, struct, uhyper } from '../wire/types.ts'
import { domain, typedParams } from './common.ts'

/** One kind of event: `id` is VIR_DOMAIN_EVENT_ID_*, `number` that of the message that brings it. */
export interface EventType<T extends AnyType = AnyType> {
  readonly name: string
  readonly id: number
  readonly number: number
  readonly message: T
}

/** What a handler of the event gets. */
export type EventOf<E extends EventType> = Omit<Output<E['message']>, 'callbackId'>

type Unnamed = Omit<EventType, 'name'>
type Named<T> = { readonly [K in keyof T]: T[K] & { readonly name: K } }

function named<const T extends Record<string, Unnamed>>(table: T): Named<T> {
  return Object.fromEntries(Object.entries(table).map(([name, entry]) => [name, { ...entry, name }])) as Named<T>
}

const head = { callbackId: int, dom: domain }
const withAlias = struct({ ...head, alias: string })

/** The events of domains; `constants.ts` has the names of their numbers. */
export const domainEvents = named({
  /** `event`: lifecycleEvent; `detail`: why, a number of its own for each. */
  lifecycle: { id: 0, number: 318, message: struct({ ...head, event: int, detail: int }) },
  reboot: { id: 1, number: 319, message: struct(head) },
  rtcChange: { id: 2, number: 320, message: struct({ ...head, offset: hyper }) },
  /** `action`: 0 none, 1 pause, 2 reset, 3 poweroff, 4 shutdown, 5 debug, 6 inject-nmi. */
  watchdog: { id: 3, number: 321, message: struct({ ...head, action: int }) },
  /** `action`: 0 none, 1 pause, 2 report; `reason` is `enospc` for a full disk, else mostly empty. */
  ioErrorReason: {
    id: 6,
    number: 324,
    message: struct({ ...head, srcPath: string, alias: string, action: int, reason: string }),
  },
  /** libvirt lost its monitor of this domain. */
  controlError: { id: 7, number: 325, message: struct(head) },
  diskChange: {
    id: 9,
    number: 327,
    message: struct({
      ...head,
      oldSrcPath: optional(string),
      newSrcPath: optional(string),
      alias: string,
      reason: int,
    }),
  },
  trayChange: { id: 10, number: 328, message: struct({ ...head, alias: string, reason: int }) },
  pmWakeup: { id: 11, number: 329, message: struct({ callbackId: int, reason: int, dom: domain }) },
  pmSuspend: { id: 12, number: 330, message: struct({ callbackId: int, reason: int, dom: domain }) },
  pmSuspendDisk: { id: 14, number: 332, message: struct({ callbackId: int, reason: int, dom: domain }) },
  deviceRemoved: { id: 15, number: 333, message: withAlias },
  /** `disk`: the target's name, as `vda`. `type`: blockJobType; `status`: blockJobStatus. */
  blockJob: { id: 16, number: 339, message: struct({ ...head, disk: string, type: int, status: int }) },
  tunable: { id: 17, number: 346, message: struct({ ...head, params: typedParams(2048) }) },
  /** `state`: 1 connected, 2 disconnected; `reason`: 0 unknown, 1 domain started, 2 channel. */
  agentLifecycle: { id: 18, number: 348, message: struct({ ...head, state: int, reason: int }) },
  deviceAdded: { id: 19, number: 354, message: withAlias },
  /** `iteration`: how often the guest's memory has been passed over. */
  migrationIteration: { id: 20, number: 359, message: struct({ ...head, iteration: int }) },
  jobCompleted: { id: 21, number: 363, message: struct({ ...head, params: typedParams(2048) }) },
  deviceRemovalFailed: { id: 22, number: 367, message: withAlias },
  /** `type`: metadataType; `uri` of the element. */
  metadataChange: { id: 23, number: 379, message: struct({ ...head, type: int, uri: optional(string) }) },
  blockThreshold: {
    id: 24,
    number: 385,
    message: struct({ ...head, dev: string, path: optional(string), threshold: uhyper, excess: uhyper }),
  },
  /** The guest touched broken memory of the host. */
  memoryFailure: {
    id: 25,
    number: 423,
    message: struct({ ...head, recipient: int, action: int, flags }),
  },
})

export type DomainEventName = keyof typeof domainEvents

/** Events by the number of their message. */
export const eventsByNumber: ReadonlyMap<number, EventType> = new Map(
  Object.values(domainEvents).map((event) => [event.number, event as EventType]),
)
