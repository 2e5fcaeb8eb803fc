/** Nova's words for the state of a server, as constants: nova/compute/{vm_states,task_states,power_state}.py. */

export const vmStates = [
  'building',
  'active',
  'paused',
  'suspended',
  'stopped',
  'rescued',
  'resized',
  'soft-delete',
  'deleted',
  'error',
  'shelved',
  'shelved_offloaded',
] as const
export type VmState = (typeof vmStates)[number]

export const taskStates = [
  'scheduling',
  'block_device_mapping',
  'networking',
  'spawning',
  'image_snapshot',
  'image_snapshot_pending',
  'image_pending_upload',
  'image_uploading',
  'image_backup',
  'updating_password',
  'resize_prep',
  'resize_migrating',
  'resize_migrated',
  'resize_finish',
  'resize_reverting',
  'resize_confirming',
  'rebooting',
  'reboot_pending',
  'reboot_started',
  'rebooting_hard',
  'reboot_pending_hard',
  'reboot_started_hard',
  'pausing',
  'unpausing',
  'suspending',
  'resuming',
  'powering-off',
  'powering-on',
  'rescuing',
  'unrescuing',
  'rebuilding',
  'rebuild_block_device_mapping',
  'rebuild_spawning',
  'migrating',
  'deleting',
  'soft-deleting',
  'restoring',
  'shelving',
  'shelving_image_pending_upload',
  'shelving_image_uploading',
  'shelving_offloading',
  'unshelving',
] as const
export type TaskState = (typeof taskStates)[number]

export const powerStates = ['NOSTATE', 'Running', 'Paused', 'Shutdown', 'Crashed', 'Suspended'] as const
export type PowerState = (typeof powerStates)[number]

export const desiredPowers = ['Running', 'Stopped', 'Paused', 'Suspended'] as const
export type DesiredPower = (typeof desiredPowers)[number]

/** Nova's states that do not depend on the power of the domain. A status without `mode` means normal. */
export const modes = ['normal', 'rescued', 'resized', 'shelved', 'shelvedOffloaded', 'softDeleted'] as const
export type Mode = (typeof modes)[number]

/**
 * The state of a server's libvirt domain. off: shut off, no memory saved. saved: shut off with a managed save.
 * pmsuspended: the guest put itself to sleep (S3). missing: there is no such domain.
 */
export const domainPowers = ['running', 'paused', 'off', 'saved', 'crashed', 'pmsuspended', 'missing'] as const
export type DomainPower = (typeof domainPowers)[number]

const vmStateOfMode: Record<Exclude<Mode, 'normal'>, VmState> = {
  rescued: 'rescued',
  resized: 'resized',
  shelved: 'shelved',
  shelvedOffloaded: 'shelved_offloaded',
  softDeleted: 'soft-delete',
}

const vmStateOfPower: Record<DomainPower, VmState> = {
  running: 'active',
  paused: 'paused',
  saved: 'suspended',
  off: 'stopped',
  crashed: 'stopped',
  pmsuspended: 'active',
  missing: 'stopped',
}

/**
 * Nova's vm_state of a server. A server with a fault is always in `error`. In a mode other than normal, the power of
 * the domain does not matter, as in Nova.
 */
export function vmStateOf({ mode, power, launched, fault }: ServerFacts): VmState {
  if (fault) return 'error'
  if (!launched) return 'building'
  return mode === 'normal' ? vmStateOfPower[power] : vmStateOfMode[mode]
}

export interface ServerFacts {
  mode: Mode
  power: DomainPower
  launched: boolean
  /** The server's last action failed, and is not retried. */
  fault: boolean
}
