/**
 * ResourceClassFilter: the flavor must ask for no resource class other than VCPU, MEMORY_MB and DISK_GB, because no
 * host has another.
 */
import type { Filter } from '../filter.ts'
import { unsupportedResourcesOf } from '../request.ts'

export const resourceClassFilter: Filter = {
  name: 'ResourceClassFilter',
  scope: 'class',
  prepare({ flavor }) {
    const wanted = unsupportedResourcesOf(flavor)
    if (wanted.size === 0) return undefined
    const detail = `the flavor's extraSpecs need ${[...wanted].map(([name, n]) => `${n} ${name}`).join(', ')}`
    return {
      passes: () => false,
      reject: () => ({ summary: 'without a resource that the flavor asks for', detail }),
    }
  },
}
