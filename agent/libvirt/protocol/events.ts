import { type AnyType, flags, hyper, int, type Output, optionalOf, string, structOf, uhyper } from '../wire/types.ts'
import { domain, typedParamsUpTo } from './common.ts'
import { nameEntries } from './named.ts'

/**
 * One kind of event. `id` is its VIR_DOMAIN_EVENT_ID_* value. `number` is the procedure number in the header of its
 * messages.
 */
export interface EventType<T extends AnyType = AnyType> {
  readonly name: string
  readonly id: number
  readonly number: number
  readonly message: T
}

/** A handler gets the event's message without the callback ID. */
export type EventOf<E extends EventType> = Omit<Output<E['message']>, 'callbackId'>

const commonFields = { callbackId: int, dom: domain }
const aliasMessage = structOf({ ...commonFields, alias: string })

/** Names for numbers in the fields are in constants.ts and states.ts. */
export const domainEvents = nameEntries({
  /** `event` is a `lifecycleEvent`. `detail` gives the reason; the values differ by event (see states.ts). */
  lifecycle: { id: 0, number: 318, message: structOf({ ...commonFields, event: int, detail: int }) },
  reboot: { id: 1, number: 319, message: structOf(commonFields) },
  rtcChange: { id: 2, number: 320, message: structOf({ ...commonFields, offset: hyper }) },
  /** `action` is QEMU's reaction: 0 none, 1 pause, 2 reset, 3 poweroff, 4 shutdown, 5 debug, 6 inject-nmi. */
  watchdog: { id: 3, number: 321, message: structOf({ ...commonFields, action: int }) },
  /**
   * `action` is QEMU's reaction: 0 none, 1 pause, 2 report. `reason` is `enospc` for a full disk, otherwise mostly
   * empty.
   */
  ioErrorReason: {
    id: 6,
    number: 324,
    message: structOf({ ...commonFields, srcPath: string, alias: string, action: int, reason: string }),
  },
  controlError: { id: 7, number: 325, message: structOf(commonFields) },
  diskChange: {
    id: 9,
    number: 327,
    message: structOf({
      ...commonFields,
      oldSrcPath: optionalOf(string),
      newSrcPath: optionalOf(string),
      alias: string,
      reason: int,
    }),
  },
  trayChange: { id: 10, number: 328, message: structOf({ ...commonFields, alias: string, reason: int }) },
  pmWakeup: { id: 11, number: 329, message: structOf({ callbackId: int, reason: int, dom: domain }) },
  pmSuspend: { id: 12, number: 330, message: structOf({ callbackId: int, reason: int, dom: domain }) },
  pmSuspendDisk: { id: 14, number: 332, message: structOf({ callbackId: int, reason: int, dom: domain }) },
  deviceRemoved: { id: 15, number: 333, message: aliasMessage },
  /** `disk` is the target's name, such as `vda`. `type` is a `blockJobType`, `status` a `blockJobStatus`. */
  blockJob: { id: 16, number: 339, message: structOf({ ...commonFields, disk: string, type: int, status: int }) },
  tunable: { id: 17, number: 346, message: structOf({ ...commonFields, params: typedParamsUpTo(2048) }) },
  /** `state`: 1 connected, 2 disconnected. `reason`: 0 unknown, 1 the domain started, 2 the channel changed. */
  agentLifecycle: { id: 18, number: 348, message: structOf({ ...commonFields, state: int, reason: int }) },
  deviceAdded: { id: 19, number: 354, message: aliasMessage },
  /** `iteration` counts the passes over the guest's memory. */
  migrationIteration: { id: 20, number: 359, message: structOf({ ...commonFields, iteration: int }) },
  jobCompleted: { id: 21, number: 363, message: structOf({ ...commonFields, params: typedParamsUpTo(2048) }) },
  deviceRemovalFailed: { id: 22, number: 367, message: aliasMessage },
  /** `type` is a `metadataType`. `uri` is the namespace of the changed element; null for a title or description. */
  metadataChange: { id: 23, number: 379, message: structOf({ ...commonFields, type: int, uri: optionalOf(string) }) },
  blockThreshold: {
    id: 24,
    number: 385,
    message: structOf({ ...commonFields, dev: string, path: optionalOf(string), threshold: uhyper, excess: uhyper }),
  },
  memoryFailure: {
    id: 25,
    number: 423,
    message: structOf({ ...commonFields, recipient: int, action: int, flags }),
  },
})

export type DomainEventName = keyof typeof domainEvents

export const eventsByNumber: ReadonlyMap<number, EventType> = new Map(
  Object.values(domainEvents).map((event) => [event.number, event as EventType]),
)
