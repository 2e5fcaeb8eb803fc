/**
 * All filters in the order in which they run: the cheap ones and those that reject most hosts come first. If several
 * filters reject a host, the first one gives the reason.
 */
import { aggregateInstanceExtraSpecsFilter } from './filters/aggregate-instance-extra-specs.ts'
import { availabilityZoneFilter } from './filters/availability-zone.ts'
import { computeFilter } from './filters/compute.ts'
import { computeCapabilitiesFilter } from './filters/compute-capabilities.ts'
import { coreFilter } from './filters/core.ts'
import { differentHostFilter } from './filters/different-host.ts'
import { diskFilter } from './filters/disk.ts'
import { imagePropertiesFilter } from './filters/image-properties.ts'
import { numInstancesFilter } from './filters/num-instances.ts'
import { ramFilter } from './filters/ram.ts'
import { resourceClassFilter } from './filters/resource-class.ts'
import { retryFilter } from './filters/retry.ts'
import { sameHostFilter } from './filters/same-host.ts'
import { sealingKeyFilter } from './filters/sealing-key.ts'
import { traitFilter } from './filters/trait.ts'

export const filters = {
  ComputeFilter: computeFilter,
  AvailabilityZoneFilter: availabilityZoneFilter,
  RetryFilter: retryFilter,
  SameHostFilter: sameHostFilter,
  DifferentHostFilter: differentHostFilter,
  ResourceClassFilter: resourceClassFilter,
  AggregateInstanceExtraSpecsFilter: aggregateInstanceExtraSpecsFilter,
  ImagePropertiesFilter: imagePropertiesFilter,
  SealingKeyFilter: sealingKeyFilter,
  TraitFilter: traitFilter,
  ComputeCapabilitiesFilter: computeCapabilitiesFilter,
  NumInstancesFilter: numInstancesFilter,
  RamFilter: ramFilter,
  CoreFilter: coreFilter,
  DiskFilter: diskFilter,
}
