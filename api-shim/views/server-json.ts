/**
 * Renders servers for lists as JSON texts, and reuses the text of a server until anything that it is made of changes.
 * Clients poll long lists in which little changes.
 */
import type { Server } from '../../crds/index.ts'
import { Links } from '../http/links.ts'
import { renderServer, type ServerViewContext } from './servers.ts'

interface Remembered {
  /** The members of the context that are the same for all servers of a list, such as the microversion. */
  common: string
  /** The results of the context's functions for this server, in their order. */
  values: readonly unknown[]
  text: string
}

/**
 * The informer's cache replaces a Server that changes by another object, so each object stands for one resource
 * version.
 */
const texts = new WeakMap<Server, Remembered>()

type Lookup = (server: Server) => unknown

/**
 * Returns a function that renders one server. It compares all members of the context, so that one that is added later
 * cannot be forgotten.
 */
export function serverJsonRenderer(context: ServerViewContext): (server: Server) => string {
  const members = Object.values(context) as unknown[]
  const lookups = members.filter((member): member is Lookup => typeof member === 'function')
  const others = members.filter((member) => typeof member !== 'function')
  const common = JSON.stringify(others.map((member) => (member instanceof Links ? member.self() : member)))
  return (server) => {
    const known = texts.get(server)
    const isCurrent =
      known?.common === common && lookups.every((lookup, i) => Object.is(lookup(server), known.values[i]))
    if (isCurrent) return known.text
    const text = JSON.stringify(renderServer(server, context))
    texts.set(server, { common, values: lookups.map((lookup) => lookup(server)), text })
    return text
  }
}
