/** Channels wake controllers when no API object has changed, for example because a Lease has expired. */
import { defineChannel } from '../kube/channel.ts'

/** An agent renews its Lease again, or the Lease has expired. Carries the name of the host. */
export const hostLivenessChanged = defineChannel<string>('host liveness')

/**
 * The reservation of an address for a new Port has expired, so the Network has a free address again. Carries the key of
 * the Network.
 */
export const addressFreed = defineChannel<string>('expired allocations')

/** Two Ports have an address in common. Each of them gets a notification, which carries its key. */
export const addressConflict = defineChannel<string>('address conflicts')

/** A placement was given up before it was written to the API server, so its host has room again. Carries nothing. */
export const roomFreed = defineChannel<void>('placements given up')
