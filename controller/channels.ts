/**
 * Channels that wake controllers when no object has changed. The controller derives these facts from its caches and the
 * time.
 */
import { defineChannel } from '../kube/channel.ts'

/** The name of a host whose agent renews its Lease again, or whose Lease has run out. */
export const hostLivenessChanged = defineChannel<string>('host liveness')

/** The key of a Network that has a free address because an allocation expired. */
export const addressFreed = defineChannel<string>('expired allocations')

/** The key of a Port that has an address in common with another Port. */
export const addressConflict = defineChannel<string>('address conflicts')

/** A placement was given up before it was written: its host has room again. */
export const roomFreed = defineChannel<void>('placements given up')
