/**
 * TraitFilter: the host must have the traits that flavor and image require (`trait:<NAME>` = required), and none that
 * the flavor forbids.
 */
import type { Filter } from '../filter.ts'
import type { HostClass } from '../host-view.ts'
import type { PlacementRequest } from '../request.ts'

interface RequestedTraits {
  readonly required: readonly string[]
  readonly forbidden: readonly string[]
}

/** The traits that the request requires and forbids. As in Nova, an image can require traits but not forbid any. */
function requestedTraitsOf({ flavor, image }: PlacementRequest): RequestedTraits {
  const required = new Set<string>()
  const forbidden = new Set<string>()
  for (const [key, value] of Object.entries(flavor.extraSpecs ?? {})) {
    const name = /^trait\d*:(.+)$/.exec(key)?.[1]
    if (name !== undefined && value === 'required') required.add(name)
    if (name !== undefined && value === 'forbidden') forbidden.add(name)
  }
  for (const [key, value] of Object.entries(image.properties ?? {})) {
    if (key.startsWith('trait:') && value === 'required') required.add(key.slice('trait:'.length))
  }
  return { required: [...required], forbidden: [...forbidden] }
}

export const traitFilter: Filter = {
  name: 'TraitFilter',
  scope: 'class',
  prepare(request) {
    const { required, forbidden } = requestedTraitsOf(request)
    if (required.length + forbidden.length === 0) return undefined
    const findMissing = (host: HostClass) => required.find((t) => !host.traits.has(t))
    const findForbidden = (host: HostClass) => forbidden.find((t) => host.traits.has(t))
    return {
      passes: (host) => findMissing(host) === undefined && findForbidden(host) === undefined,
      reject(host) {
        const missing = findMissing(host)
        if (missing !== undefined) return { summary: 'without a required trait', detail: `lacks ${missing}` }
        return { summary: 'with a forbidden trait', detail: `has ${findForbidden(host)}` }
      },
    }
  },
}
