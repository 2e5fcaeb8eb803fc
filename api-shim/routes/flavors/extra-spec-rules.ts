/**
 * The extra specs that Nova knows, with their allowed values. From microversion 2.86 on, a key in one of Nova's
 * namespaces must be among them. Other namespaces belong to the operator. Pure.
 */
import { newBadRequest } from '../../http/fault.ts'
import { isBooleanText } from '../../validation/boolean.ts'

/** Returns the reason why a value is not allowed; undefined if it is allowed. */
type Check = (value: string) => string | undefined

const anyText: Check = () => undefined
const booleanText: Check = (value) =>
  isBooleanText(value) ? undefined : `'${value}' is not a valid boolean-like value.`
const oneOf =
  (...words: string[]): Check =>
  (value) =>
    words.includes(value) ? undefined : `'${value}' is not one of: ${words.join(', ')}.`
function textLike(pattern: string): Check {
  const whole = new RegExp(`^(?:${pattern})$`)
  return (value) => (whole.test(value) ? undefined : `'${value}' is not of the format '${pattern}'.`)
}
const integer =
  ({ min, max }: { min?: number; max?: number } = {}): Check =>
  (value) => {
    if (!/^\s*[+-]?\d+(_\d+)*\s*$/.test(value)) return `'${value}' is not a valid integer value.`
    const number = Number(value.replaceAll('_', ''))
    if (max !== undefined && number > max) return `'${number}' is greater than the max value of '${max}'.`
    if (min !== undefined && number < min) return `'${number}' is less than the min value of '${min}'.`
    return undefined
  }

const cpuSet = '\\^?\\d+((-\\d+)?(,\\^?\\d+(-\\d+)?)?)*'
/** Nova's optional suffix that groups resources and traits within one flavor. */
const group = '[a-zA-Z0-9_-]{0,64}'
const resourceClasses = [
  'VCPU MEMORY_MB DISK_GB PCI_DEVICE SRIOV_NET_VF NUMA_SOCKET NUMA_CORE NUMA_THREAD NUMA_MEMORY_MB IPV4_ADDRESS VGPU',
  'VGPU_DISPLAY_HEAD NET_BW_EGR_KILOBIT_PER_SEC NET_BW_IGR_KILOBIT_PER_SEC PCPU MEM_ENCRYPTION_CONTEXT FPGA PGPU',
  'NET_PACKET_RATE_KILOPACKET_PER_SEC NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC',
]
const capabilities = [
  'id uuid service_id host vcpus memory_mb local_gb vcpus_used memory_mb_used local_gb_used hypervisor_type',
  'hypervisor_version hypervisor_hostname free_ram_mb free_disk_gb current_workload running_vms disk_available_least',
  'host_ip mapped cpu_allocation_ratio ram_allocation_ratio disk_allocation_ratio total_usable_ram_mb',
  'total_usable_disk_gb disk_mb_used free_disk_mb vcpus_total num_instances num_io_ops failed_builds aggregates',
  'cell_uuid updated',
]
const nestedCapabilities = [
  'cpu_info metrics stats numa_topology supported_hv_specs pci_device_pools nodename pci_stats supported_instances',
  'limits instances',
]
const anyOf = (words: readonly string[]): string => `(${words.join(' ').replaceAll(' ', '|')})`

/** The first pattern that matches a key counts. */
const rules: readonly (readonly [keys: string, check: Check])[] = [
  ['accel:device_profile', anyText],
  ['aggregate_instance_extra_specs:.+', anyText],
  [`capabilities:${anyOf(capabilities)}`, anyText],
  [`capabilities:${anyOf(nestedCapabilities)}(:\\w+)*`, anyText],
  ['hw:cpu_realtime|hw:hide_hypervisor_id|hide_hypervisor_id|hw:locked_memory|hw:boot_menu', booleanText],
  ['hw:vif_multiqueue_enabled|hw:mem_encryption|hw:pmu|hw:virtio_packed_ring|hw:ephemeral_encryption', booleanText],
  ['hw:cpu_realtime_mask', textLike(`(\\^)?${cpuSet.slice(3)}`)],
  ['hw:cpu_policy', oneOf('dedicated', 'shared', 'mixed')],
  ['hw:cpu_thread_policy', oneOf('prefer', 'isolate', 'require')],
  ['hw:emulator_threads_policy', oneOf('isolate', 'share')],
  ['hw:cpu_dedicated_mask|hw:numa_cpus\\.\\d+', textLike(cpuSet)],
  ['hw:mem_page_size', textLike('(large|small|any|\\d+([kKMGT]i?)?(b|bit|B)?)')],
  ['hw:numa_nodes|hw:numa_mem\\.\\d+|hw:cpu_(max_)?(sockets|cores|threads)', integer({ min: 1 })],
  ['hw:pci_numa_affinity_policy', oneOf('required', 'preferred', 'legacy', 'socket')],
  ['hw:mem_encryption_model', oneOf('amd-sev', 'amd-sev-es', 'amd-sev-snp')],
  ['hw:pmem', textLike('([a-zA-Z0-9_]+(,)?)+')],
  ['hw:serial_port_count', integer({ min: 0 })],
  ['hw:tpm_model', oneOf('tpm-tis', 'tpm-crb')],
  ['hw:tpm_version', oneOf('1.2', '2.0')],
  ['hw:tpm_secret_security', oneOf('user', 'host', 'deployment')],
  ['hw:watchdog_action', oneOf('none', 'pause', 'poweroff', 'reset', 'disabled')],
  ['hw:viommu_model', oneOf('intel', 'smmuv3', 'virtio', 'auto')],
  ['hw:sound_model', oneOf('sb16', 'es1370', 'pcspk', 'ac97', 'ich6', 'ich9', 'usb', 'virtio')],
  ['hw:usb_model', oneOf('none', 'nec-xhci', 'qemu-xhci')],
  ['hw:redirected_usb_ports', integer({ min: 0, max: 15 })],
  ['hw:ephemeral_encryption_format', oneOf('plain', 'luks', 'luksv2')],
  ['hw_rng:allowed', booleanText],
  ['hw_rng:rate_bytes|hw_rng:rate_period|hw_video:ram_max_mb', integer({ min: 0 })],
  ['group_policy', oneOf('isolate', 'none')],
  ['os:secure_boot', oneOf('disabled', 'required')],
  ['pci_passthrough:alias', textLike('[^:]+:\\d+(?:\\s*,\\s*[^:]+:\\d+)*')],
  ['quota:(cpu|memory|disk_io|vif)_(limit|shares_share)', integer({ min: 0 })],
  ['quota:(cpu|memory|disk_io|vif)_reservation|quota:cpu_quota', integer()],
  ['quota:(cpu|memory|disk_io|vif)_shares_level', oneOf('custom', 'high', 'normal', 'low')],
  ['quota:cpu_(shares|period)|quota:disk_(read|write|total)_(bytes|iops)_sec', integer({ min: 0 })],
  ['quota:vif_(inbound|outbound)_(average|peak|burst)', integer({ min: 0 })],
  [`resources${group}:(${anyOf(resourceClasses)}|CUSTOM_[A-Z0-9_]+)`, integer()],
  // Nova takes the names of the library os-traits, which all begin with one of these words.
  [`trait${group}:(CUSTOM|COMPUTE|HW|MISC|OWNER|STORAGE)_[A-Z0-9_]+`, oneOf('required', 'forbidden')],
  ['vmware:(hw_version|storage_policy)', anyText],
]
const compiled = rules.map(([keys, check]) => ({ keys: new RegExp(`^(?:${keys})$`), check }))

const namespaces = new RegExp(
  `^(?:accel|aggregate_instance_extra_specs|capabilities|hw|hw_rng|hw_video|os|pci_passthrough|quota|resources${group}|trait${group}|vmware)$`,
)

/** Throws a 400 if the key is in one of Nova's namespaces but unknown to Nova, or if the value is not allowed. */
export function checkExtraSpec(key: string, value: string): void {
  const reason = problemOf(key, value)
  if (reason !== undefined) throw newBadRequest(`Validation failed; ${reason}`)
}

function problemOf(key: string, value: string): string | undefined {
  const rule = compiled.find(({ keys }) => keys.test(key))
  if (rule) return rule.check(value)
  const [namespace = '', ...rest] = key.split(':')
  if (rest.length === 0 || !namespaces.test(namespace)) return undefined
  return `extra spec '${key}' does not appear to be a valid extra spec.`
}
