/**
 * TraitFilter: the host must have the traits that flavor and image require (`trait:<NAME>` = required, or a property
 * such as hw_tpm_version that implies a trait), and none that the flavor forbids.
 */
import type { Filter } from '../filter.ts'
import type { HostClass } from '../host-view.ts'
import type { PlacementRequest } from '../request.ts'
import { unmetRequirementsOfFlavor, unmetRequirementsOfImage } from '../unmet-requirements.ts'

interface RequestedTraits {
  /** For each required trait, the text that names it in the message of a rejection. */
  readonly required: ReadonlyMap<string, string>
  readonly forbidden: readonly string[]
}

/**
 * Finds the properties that have this value and a name that `key` matches. The first group of each match is a trait.
 */
const traitsIn = (properties: Record<string, string> | undefined, value: string, key: RegExp): string[] =>
  Object.entries(properties ?? {}).flatMap(([name, given]) => (given === value ? (key.exec(name)?.[1] ?? []) : []))

/** As in Nova, an image can require traits but not forbid any. */
function requestedTraitsOf({ flavor, image }: PlacementRequest): RequestedTraits {
  const forbidden = new Set(traitsIn(flavor.extraSpecs, 'forbidden', /^trait\d*:(.+)$/))
  const required = new Map(
    [
      ...traitsIn(flavor.extraSpecs, 'required', /^trait\d*:(.+)$/),
      ...traitsIn(image.properties, 'required', /^trait:(.+)$/),
    ].map((trait) => [trait, trait]),
  )
  for (const { trait, property } of unmetRequirementsOfImage(image))
    required.set(trait, `${trait} for ${property} of the image`)
  for (const { trait, property } of unmetRequirementsOfFlavor(flavor))
    required.set(trait, `${trait} for ${property} of the flavor`)
  return { required, forbidden: [...forbidden] }
}

export const traitFilter: Filter = {
  name: 'TraitFilter',
  scope: 'class',
  prepare(request) {
    const { required, forbidden } = requestedTraitsOf(request)
    if (required.size + forbidden.length === 0) return undefined
    const names = [...required.keys()]
    const hasAll = (host: HostClass) => names.every((t) => host.traits.has(t))
    const findForbidden = (host: HostClass) => forbidden.find((t) => host.traits.has(t))
    return {
      passes: (host) => hasAll(host) && findForbidden(host) === undefined,
      reject(host) {
        const missing = names.filter((t) => !host.traits.has(t)).map((t) => required.get(t))
        if (missing.length > 0) return { summary: 'without a required trait', detail: `lacks ${missing.join(', ')}` }
        return { summary: 'with a forbidden trait', detail: `has ${findForbidden(host)}` }
      },
    }
  },
}
