import { expect, it } from 'vitest'
import { closestName } from './closest-name.ts'
import { findIneffectiveProperties } from './image-properties.ts'

it.each<[Record<string, string>, ineffective: string[], unknown: string[]]>([
  [{}, [], []],
  [{ hw_disk_bus: 'scsi', hw_cpu_max_sockets: '2', hw_scsi_model: 'virtio-scsi', os_type: 'windows' }, [], []],
  [{ os_secure_boot: 'required', hw_tpm_version: '2.0' }, [], []],
  [{ hw_numa_nodes: '2', hw_cpu_policy: 'dedicated' }, ['hw_cpu_policy', 'hw_numa_nodes'], []],
  [{ 'hw_numa_cpus.0': '0,1', 'hw_numa_mem.1': '512' }, ['hw_numa_cpus.0', 'hw_numa_mem.1'], []],
  [{ hw_tpm_model: 'tpm-crb', hw_rescue_bus: 'usb' }, ['hw_rescue_bus', 'hw_tpm_model'], []],
  [{ img_signature: 'x', os_require_quiesce: 'yes' }, ['img_signature', 'os_require_quiesce'], []],
  [{ hw_pointer_model: 'usbtablet', hw_cpu_policy: 'shared', hw_vif_multiqueue_enabled: 'False' }, [], []],
  [
    { hw_pointer_model: 'ps2mouse', hw_vif_multiqueue_enabled: 'true' },
    ['hw_pointer_model', 'hw_vif_multiqueue_enabled'],
    [],
  ],
  [{ hw_disk_buss: 'scsi' }, [], ['hw_disk_buss (hw_disk_bus?)']],
  [{ hw_vif_modle: 'e1000' }, [], ['hw_vif_modle (hw_vif_model?)']],
  [
    { HW_DISK_BUS: 'scsi', 'hw-vif-model': 'e1000' },
    [],
    ['HW_DISK_BUS (hw_disk_bus?)', 'hw-vif-model (hw_vif_model?)'],
  ],
  [{ 'hw:cpu_policy': 'dedicated' }, [], ['hw:cpu_policy (hw_cpu_policy?)']],
  [{ 'os:secure_boot': 'required' }, [], ['os:secure_boot (os_secure_boot?)']],
  [{ hwdisk_bus: 'scsi' }, [], ['hwdisk_bus (hw_disk_bus?)']],
  [{ hw_quantum: 'yes', os_flavour_of_the_month: 'x' }, [], ['hw_quantum', 'os_flavour_of_the_month']],
  [{ os_distro: 'debian', os_version: '13', os_glance_import_task: 'x', os_hidden: 'False' }, [], []],
  [{ team: 'blue', architecture: 'x86_64', vm_mode: 'hvm', 'trait:HW_CPU_X86_AVX2': 'required' }, [], []],
])('findIneffectiveProperties: %j has no effect in %j, and unknown are %j', (properties, ineffective, unknown) =>
  expect(findIneffectiveProperties(properties)).toEqual({ ineffective, unknown }),
)

it.each([
  ['abc', ['abd', 'xyz'], 'abd'],
  ['abc', ['abcdef'], undefined],
  ['ab', ['abcd', 'abc'], 'abc'],
  ['', ['abc'], undefined],
])('closestName of %j among %j is %j', (name, known, expected) => expect(closestName(name, known)).toBe(expected))
