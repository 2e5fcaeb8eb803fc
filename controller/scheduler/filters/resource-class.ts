/** ResourceClassFilter: what placement does for `resources:` other than VCPU, MEMORY_MB and DISK_GB, which no host has. */
import type { Filter } from '../filter.ts'
import { otherResources } from '../request.ts'

export const resourceClassFilter: Filter = {
  name: 'ResourceClassFilter',
  sees: 'kind',
  prepare({ flavor }) {
    const wanted = otherResources(flavor)
    if (wanted.size === 0) return undefined
    const detail = `the flavor's extraSpecs need ${[...wanted].map(([name, n]) => `${n} ${name}`).join(', ')}`
    return {
      passes: () => false,
      refusal: () => ({ what: 'without a resource that the flavor asks for', detail }),
    }
  },
}
