/** TraitFilter: what placement does for `trait:<NAME>` = required or forbidden, of the flavor and of the image. */
import type { Filter } from '../filter.ts'
import type { HostKind } from '../host-view.ts'
import type { PlacementRequest } from '../request.ts'

interface Wanted {
  readonly required: readonly string[]
  readonly forbidden: readonly string[]
}

/** An image can only require traits, as in Nova. */
function traits({ flavor, image }: PlacementRequest): Wanted {
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
  sees: 'kind',
  prepare(request) {
    const { required, forbidden } = traits(request)
    if (required.length + forbidden.length === 0) return undefined
    const missing = (host: HostKind) => required.find((t) => !host.traits.has(t))
    const unwanted = (host: HostKind) => forbidden.find((t) => host.traits.has(t))
    return {
      passes: (host) => missing(host) === undefined && unwanted(host) === undefined,
      refusal(host) {
        const lacks = missing(host)
        if (lacks !== undefined) return { what: 'without a required trait', detail: `has not ${lacks}` }
        return { what: 'with a forbidden trait', detail: `has ${unwanted(host)}` }
      },
    }
  },
}
