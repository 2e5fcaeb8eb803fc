import { expect, it } from 'vitest'
import { traitFilter } from './filters/trait.ts'
import { makeHostView, makeRequest } from './testing.ts'
import { unmetRequirementsOfFlavor, unmetRequirementsOfImage } from './unmet-requirements.ts'

it.each<[Record<string, string>, string[]]>([
  [{ os_secure_boot: 'required' }, ['COMPUTE_SECURITY_UEFI_SECURE_BOOT']],
  [{ os_secure_boot: 'optional' }, []],
  [{ os_secure_boot: 'disabled' }, []],
  [{ hw_tpm_version: '2.0', hw_tpm_model: 'tpm-crb' }, ['COMPUTE_SECURITY_TPM_2_0']],
  [{ hw_tpm_version: '1.2' }, ['COMPUTE_SECURITY_TPM_1_2']],
  [{ hw_tpm_model: 'tpm-crb' }, []],
  [{ hw_mem_encryption: 'yes' }, ['MEM_ENCRYPTION_CONTEXT']],
  [{ hw_mem_encryption: 'no' }, []],
  [{ hw_ephemeral_encryption: 'true' }, ['COMPUTE_EPHEMERAL_ENCRYPTION']],
  [{ hw_virtio_packed_ring: 'true' }, ['COMPUTE_NET_VIRTIO_PACKED']],
  [{ hw_viommu_model: 'intel' }, ['COMPUTE_VIOMMU_MODEL_INTEL']],
  [{ hw_sound_model: 'virtio' }, []],
  [{ hw_maxphysaddr_mode: 'emulate' }, ['COMPUTE_ADDRESS_SPACE_EMULATED']],
  [{ hw_maxphysaddr_mode: 'passthrough' }, ['COMPUTE_ADDRESS_SPACE_PASSTHROUGH']],
  [{ hw_firmware_stateless: 'yes', hw_firmware_type: 'uefi' }, ['COMPUTE_SECURITY_STATELESS_FIRMWARE']],
  [{ hw_firmware_stateless: 'yes' }, []],
  [{ hw_numa_nodes: '2', hw_cpu_policy: 'dedicated', hw_viommu_model: '' }, []],
])('unmetRequirementsOfImage: %j requires %j', (properties, traits) =>
  expect(unmetRequirementsOfImage({ properties }).map(({ trait }) => trait)).toEqual(traits),
)

it.each<[Record<string, string>, string[]]>([
  [{ 'os:secure_boot': 'required' }, ['COMPUTE_SECURITY_UEFI_SECURE_BOOT']],
  [{ 'hw:tpm_version': '2.0' }, ['COMPUTE_SECURITY_TPM_2_0']],
  [{ 'hw:mem_encryption': 'True' }, ['MEM_ENCRYPTION_CONTEXT']],
  [{ 'hw:pmem': '6GB' }, ['PMEM_NAMESPACE_6GB']],
  [{ 'pci_passthrough:alias': 'a100:1' }, ['PCI device a100:1']],
  [{ 'accel:device_profile': 'fpga' }, ['accelerator fpga']],
  [{ 'hw:cpu_policy': 'dedicated', os_secure_boot: 'required' }, []],
])('unmetRequirementsOfFlavor: %j requires %j', (extraSpecs, traits) =>
  expect(unmetRequirementsOfFlavor({ extraSpecs }).map(({ trait }) => trait)).toEqual(traits),
)

it.each([
  [{}, {}, true],
  [
    { os_secure_boot: 'required', hw_tpm_version: '2.0' },
    {},
    'lacks COMPUTE_SECURITY_UEFI_SECURE_BOOT for os_secure_boot=required of the image, COMPUTE_SECURITY_TPM_2_0 for hw_tpm_version=2.0 of the image',
  ],
  [{}, { 'hw:tpm_version': '1.2' }, 'lacks COMPUTE_SECURITY_TPM_1_2 for hw:tpm_version=1.2 of the flavor'],
])('TraitFilter: an image with %j and a flavor with %j: %s', (properties, extraSpecs, expected) => {
  const test = traitFilter.prepare(makeRequest({ image: { properties }, flavor: { extraSpecs } }))
  const host = makeHostView('h')
  expect(test === undefined || test.passes(host) || test.reject(host).detail).toBe(expected)
})
