/**
 * Finds the image properties and extra specs that no host can meet: Nova turns each of them into a trait or resource
 * that no host of Kubenova has (docs/adr/0032).
 */
import type { FlavorFacts, ImageFacts } from './request.ts'

export interface UnmetRequirement {
  /** The trait or resource in Nova's words, such as COMPUTE_SECURITY_TPM_2_0. */
  readonly trait: string
  /** The property with its value, such as "hw_tpm_version=2.0". */
  readonly property: string
}

const yes = /^(1|t|true|on|y|yes)$/i

/** The names are those of image properties; the extra specs of a flavor have `:` instead of `_` after hw or os. */
const requirements: Readonly<Record<string, readonly [value: RegExp, traitOf: (value: string) => string]>> = {
  os_secure_boot: [/^required$/, () => 'COMPUTE_SECURITY_UEFI_SECURE_BOOT'],
  hw_tpm_version: [/./, (v) => `COMPUTE_SECURITY_TPM_${toTraitWord(v)}`],
  hw_mem_encryption: [yes, () => 'MEM_ENCRYPTION_CONTEXT'],
  hw_ephemeral_encryption: [yes, () => 'COMPUTE_EPHEMERAL_ENCRYPTION'],
  hw_virtio_packed_ring: [yes, () => 'COMPUTE_NET_VIRTIO_PACKED'],
  hw_viommu_model: [/./, (v) => `COMPUTE_VIOMMU_MODEL_${toTraitWord(v)}`],
  hw_maxphysaddr_mode: [/./, (v) => `COMPUTE_ADDRESS_SPACE_${v === 'emulate' ? 'EMULATED' : toTraitWord(v)}`],
}

const flavorRequirements: typeof requirements = {
  'hw:pmem': [/./, (v) => `PMEM_NAMESPACE_${toTraitWord(v)}`],
  'pci_passthrough:alias': [/./, (v) => `PCI device ${v}`],
  'accel:device_profile': [/./, (v) => `accelerator ${v}`],
}

export const requirableProperties: ReadonlySet<string> = new Set([
  ...Object.keys(requirements),
  'hw_firmware_stateless',
])
export const requirableExtraSpecs: ReadonlySet<string> = new Set([
  ...Object.keys(requirements).map((name) => name.replace('_', ':')),
  ...Object.keys(flavorRequirements),
])

const toTraitWord = (value: string): string => value.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_')

export function unmetRequirementsOfImage({ properties = {} }: ImageFacts): UnmetRequirement[] {
  const found = Object.entries(requirements).flatMap(([name, rule]) => findUnmet(name, properties[name], rule))
  // As in Nova, firmware can be stateless only with UEFI; with another firmware the property has no effect.
  const isStateless = properties['hw_firmware_type'] === 'uefi' && yes.test(properties['hw_firmware_stateless'] ?? '')
  const property = 'hw_firmware_stateless=yes'
  return isStateless ? [...found, { trait: 'COMPUTE_SECURITY_STATELESS_FIRMWARE', property }] : found
}

export function unmetRequirementsOfFlavor({ extraSpecs = {} }: Pick<FlavorFacts, 'extraSpecs'>): UnmetRequirement[] {
  return [
    ...Object.entries(requirements).map(([name, rule]) => [name.replace('_', ':'), rule] as const),
    ...Object.entries(flavorRequirements),
  ].flatMap(([name, rule]) => findUnmet(name, extraSpecs[name], rule))
}

function findUnmet(
  name: string,
  text: string | undefined,
  [values, traitOf]: (typeof requirements)[string],
): UnmetRequirement[] {
  const value = text?.trim() ?? ''
  return values.test(value) ? [{ trait: traitOf(value), property: `${name}=${value}` }] : []
}
