/**
 * Finds properties that have no effect, and names that are probably misspelt, for the Image's status. As in Nova, any
 * property is accepted. The names are those of nova/objects/image_meta.py.
 */
import { requirableProperties } from '../scheduler/unmet-requirements.ts'
import { closestName } from './closest-name.ts'

/** Properties that a scheduler filter, a boot check or the agent reads. */
const effective: ReadonlySet<string> = new Set([
  ...requirableProperties,
  ...['sockets', 'cores', 'threads'].flatMap((part) => [`hw_cpu_${part}`, `hw_cpu_max_${part}`]),
  'hw_architecture',
  'hw_cdrom_bus',
  'hw_disk_bus',
  'hw_emulation_architecture',
  'hw_firmware_type',
  'hw_input_bus',
  'hw_machine_type',
  'hw_qemu_guest_agent',
  'hw_rng_model',
  'hw_scsi_model',
  'hw_time_hpet',
  'hw_video_model',
  'hw_vif_model',
  'hw_vm_mode',
  'hw_watchdog_action',
  'img_hide_hypervisor_id',
  'img_hv_requested_version',
  'img_hv_type',
  'os_type',
])

/** Properties that only describe the image. */
const descriptive: ReadonlySet<string> = new Set([
  'os_distro',
  'os_version',
  'os_hidden',
  'img_owner_id',
  'img_version',
])

const withoutEffect: ReadonlySet<string> = new Set([
  'hw_auto_disk_config',
  'hw_boot_menu',
  'hw_cpu_policy',
  'hw_cpu_realtime_mask',
  'hw_cpu_thread_policy',
  'hw_device_id',
  'hw_disk_type',
  'hw_ephemeral_encryption_format',
  'hw_ephemeral_encryption_secret_uuid',
  'hw_floppy_bus',
  'hw_ipxe_boot',
  'hw_locked_memory',
  'hw_maxphysaddr_bits',
  'hw_mem_encryption_model',
  'hw_mem_page_size',
  'hw_numa_nodes',
  'hw_pci_numa_affinity_policy',
  'hw_pmu',
  'hw_pointer_model',
  'hw_redirected_usb_ports',
  'hw_rescue_bus',
  'hw_rescue_device',
  'hw_serial_port_count',
  'hw_sound_model',
  'hw_tpm_model',
  'hw_usb_model',
  'hw_video_ram',
  'hw_vif_multiqueue_enabled',
  'img_bdm_v2',
  'img_bittorrent',
  'img_block_device_mapping',
  'img_cache_in_nova',
  'img_compression_level',
  'img_config_drive',
  'img_linked_clone',
  'img_mappings',
  'img_root_device_name',
  'img_signature',
  'img_signature_certificate_uuid',
  'img_signature_hash_method',
  'img_signature_key_type',
  'img_use_agent',
  'os_admin_user',
  'os_command_line',
  'os_hash_algo',
  'os_hash_value',
  'os_require_quiesce',
  'os_skip_agent_inject_files_at_boot',
  'os_skip_agent_inject_ssh',
])

const no = /^(0|f|false|off|n|no)$/i

/** Values that ask for what every guest has anyway, by the name of the property without hw_ or os_. */
const satisfied: Readonly<Record<string, RegExp>> = {
  boot_menu: no,
  cpu_policy: /^shared$/,
  cpu_thread_policy: /^prefer$/,
  locked_memory: no,
  mem_page_size: /^(any|small)$/,
  pointer_model: /^usbtablet$/,
  redirected_usb_ports: /^0$/,
  require_quiesce: no,
  serial_port_count: /^1$/,
  usb_model: /^qemu-xhci$/,
  vif_multiqueue_enabled: no,
}

/** Whether every guest has what the property asks for. The name may be that of an image property or an extra spec. */
export const isSatisfiedAnyway = (name: string, value: string): boolean =>
  satisfied[name.replace(/^(hw|os)[_:]/, '')]?.test(value.trim()) === true

/** The prefixes of Nova's and Glance's names. Users may use names without such a prefix for purposes of their own. */
const inFamily = /^(hw|os|img)[_:. -]/i
const numbered = /^hw_numa_(cpus|mem)[.]\d+$/
const ofGlance = /^os_glance_/

const knownNames: readonly string[] = [...effective, ...descriptive, ...withoutEffect]

interface PropertyFindings {
  readonly ineffective: readonly string[]
  /**
   * Names that look like Nova's but are not, each followed by the similar name that was probably meant, if there is
   * one.
   */
  readonly unknown: readonly string[]
}

export function findIneffectiveProperties(properties: Readonly<Record<string, string>> = {}): PropertyFindings {
  const names = Object.keys(properties).sort()
  const isWithoutEffect = (name: string) =>
    (withoutEffect.has(name) || numbered.test(name)) && !isSatisfiedAnyway(name, properties[name] ?? '')
  return {
    ineffective: names.filter(isWithoutEffect),
    unknown: names.filter(isUnknown).map((name) => {
      const meant = closestName(name, knownNames)
      return meant === undefined ? name : `${name} (${meant}?)`
    }),
  }
}

/** Whether the name looks like one of Nova's properties (same prefix, or nearly the same spelling) but is none. */
function isUnknown(name: string): boolean {
  if (knownNames.includes(name) || numbered.test(name) || ofGlance.test(name)) return false
  return inFamily.test(name) || closestName(name, knownNames) !== undefined
}
